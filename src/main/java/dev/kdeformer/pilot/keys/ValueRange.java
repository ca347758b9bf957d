package dev.kdeformer.pilot.keys;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The range of every feature of the values, which no weighted mean of them leaves.
 *
 * @param least the smallest of every feature, whole vectors
 * @param most  the largest
 */
public record ValueRange(float[] least, float[] most) {
    /** The range of some values. */
    static ValueRange of(Rows values, Team team) {
        int stride = values.stride();
        int count = values.count();
        ValueRange[] parts = new ValueRange[Math.ceilDiv(count, Rows.CHUNK)];
        team.forRanges(count, Rows.CHUNK, (from, to, scratch) -> parts[from / Rows.CHUNK] = of(values, from, to));
        ValueRange all = empty(stride);
        for (ValueRange part : parts) {
            for (int c = 0; c < stride; c++) {
                all.least[c] = Math.min(all.least[c], part.least[c]);
                all.most[c] = Math.max(all.most[c], part.most[c]);
            }
        }
        return all;
    }

    private static ValueRange empty(int stride) {
        ValueRange range = new ValueRange(new float[stride], new float[stride]);
        Arrays.fill(range.least, Float.POSITIVE_INFINITY);
        Arrays.fill(range.most, Float.NEGATIVE_INFINITY);
        return range;
    }

    private static ValueRange of(Rows values, int from, int to) {
        ValueRange range = empty(values.stride());
        for (int j = from; j < to; j++) {
            for (int c = 0; c < values.stride(); c += LANES) {
                FloatVector v = Lanes.load(values.row(j) + c * 4L);
                FloatVector.fromArray(FLOATS, range.least, c).min(v).intoArray(range.least, c);
                FloatVector.fromArray(FLOATS, range.most, c).max(v).intoArray(range.most, c);
            }
        }
        return range;
    }

    /** Moves weighted sums of values, whose weights add up to {@code mass}, back into what such sums can be. */
    public void clamp(float[] sums, int at, float mass) {
        for (int c = 0; c < least.length; c += LANES) {
            FloatVector.fromArray(FLOATS, sums, at + c)
                    .max(FloatVector.fromArray(FLOATS, least, c).mul(mass))
                    .min(FloatVector.fromArray(FLOATS, most, c).mul(mass))
                    .intoArray(sums, at + c);
        }
    }
}
