package dev.kdeformer.pilot.keys;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * A Householder reflection x − w (w·x) of queries and keys alike, which leaves all logits as they are and turns the
 * direction in which queries differ most into the first axis. It is its own inverse.
 *
 * <p>The far field keeps second moments of keys axis by axis, and so takes no notice of what two features of a key have
 * to do with each other. Along the direction that matters most it then does: on a head with one dominant direction that
 * took two thirds to five sixths off the error, and on others it made no difference, no more than further directions
 * did.
 */
public final class Reflection {
    /** One direction, from some of the queries. */
    private static final PrincipalSubspace.Search SEARCH = new PrincipalSubspace.Search(192, 1, 8, null);

    private final float[] w;

    private Reflection(float[] w) {
        this.w = w;
    }

    /**
     * The reflection of a plan, by a vector.
     *
     * @param vector as {@link #vector} gives it
     * @throws IllegalArgumentException if it is none that reflects: neither all zeros nor of the squared norm 2
     */
    public static Reflection by(float[] vector) {
        float[] w = Arrays.copyOf(vector, Lanes.padColumns(vector.length));
        double square = 0;
        for (float x : w) {
            square += (double) x * x;
        }
        if (!(square == 0 || Math.abs(square - 2) < 1e-3)) {
            throw new IllegalArgumentException("bytes of a plan must reflect by a vector of squared norm 2, got "
                    + square);
        }
        return new Reflection(w);
    }

    /** The first {@code d} elements of the vector w, the others being zeros. */
    public float[] vector(int d) {
        return Arrays.copyOf(w, d);
    }

    /** The reflection for queries, the identity where they are all alike. */
    private static Reflection along(Rows queries, Scratch scratch) {
        PrincipalSubspace subspace = scratch.keep(PrincipalSubspace.class, PrincipalSubspace::new);
        subspace.find(RowRange.of(queries), SEARCH, scratch);
        float[] w = new float[queries.stride()];
        System.arraycopy(subspace.directions(), 0, w, 0, w.length);
        if (Lanes.dot(w, 0, w, 0, w.length) > 0) {
            // To the axis or against it, whichever is further away: no digits are lost then.
            w[0] += w[0] < 0 ? -1 : 1;
            float factor = (float) Math.sqrt(2 / Lanes.dot(w, 0, w, 0, w.length));
            for (int c = 0; c < w.length; c++) {
                w[c] *= factor;
            }
        }
        return new Reflection(w);
    }

    /**
     * Reflects the queries of a head by what its keys have been reflected by.
     *
     * @param keys null where there are none yet: then by what suits these queries
     */
    static Reflection reflect(Rows queries, KeyGroups keys, Team team) {
        Reflection reflection = keys == null ? along(queries, team.scratch()) : keys.reflection();
        reflection.apply(queries, team);
        return reflection;
    }

    /** Reflects rows where they are. */
    public void apply(Rows rows, Team team) {
        team.forRanges(rows.count(), Rows.CHUNK, (from, to, scratch) -> {
            for (int i = from; i < to; i++) {
                long row = rows.row(i);
                FloatVector part = FloatVector.broadcast(FLOATS, -Lanes.dot(row, w, 0, w.length));
                for (int c = 0; c < w.length; c += LANES) {
                    Lanes.store(fma(FloatVector.fromArray(FLOATS, w, c), part, Lanes.load(row + c * 4L)), row + c * 4L);
                }
            }
        });
    }

    /** Reflects a row of whole vectors, padded with zeros. */
    public void apply(float[] row) {
        Lanes.addTimes(w, 0, -Lanes.dot(w, 0, row, 0, w.length), row, 0, w.length);
    }

    /** Reflects rows of d elements side by side in double precision. */
    public double[] applied(double[] rows, int d) {
        double[] result = rows.clone();
        for (int at = 0; at < rows.length; at += d) {
            double dot = 0;
            for (int c = 0; c < d; c++) {
                dot += w[c] * rows[at + c];
            }
            for (int c = 0; c < d; c++) {
                result[at + c] -= dot * w[c];
            }
        }
        return result;
    }
}
