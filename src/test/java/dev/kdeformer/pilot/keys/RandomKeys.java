package dev.kdeformer.pilot.keys;

import dev.kdeformer.runtime.Crew;
import dev.kdeformer.runtime.Scratch;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Keys and values with normal features about 0.3, for tests of what is done with their groups. */
public record RandomKeys(Scratch scratch, SplittableRandom random) {
    /** Groups of the keys. */
    public static final int GROUPS = 3;

    public KeyGroups keys(int count, int d, int dv) {
        int[] starts = {0, count / 2, count - count / 5, count};
        try (Crew alone = new Crew(1, Runnable::run)) {
            return new KeyGroups(rows(count, d), rows(count, dv), new float[count], starts,
                    new KeyGroups.Origin(IntStream.range(0, count).toArray(), new float[d], null), alone);
        }
    }

    public Rows rows(int count, int columns) {
        Rows rows = Rows.allocate(scratch, count, columns);
        for (int j = 0; j < count; j++) {
            rows.write(j, floats(columns), 0);
        }
        return rows;
    }

    public float[] floats(int count) {
        float[] x = new float[count];
        for (int i = 0; i < count; i++) {
            x[i] = (float) (0.3 + random.nextGaussian());
        }
        return x;
    }
}
