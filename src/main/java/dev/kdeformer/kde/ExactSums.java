package dev.kdeformer.kde;

import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;

/** Sums over all points, also of some queries only, which estimators leave to it. */
abstract class ExactSums extends PointDensity {
    ExactSums(Points points) {
        super(points);
    }

    /** The sums for a kernel. */
    static ExactSums of(Team team, Points points) {
        return points.kernel().isGaussian() || !points.kernel().isRadial() ? new ExactDensity(team, points)
                : new RadialDensity(points);
    }

    /** Answers the queries in {@code rows}. */
    abstract void answer(Team team, Matrix queries, int[] rows, double[] logSums);

    @Override
    final Statistics answer(Team team, Matrix queries, double[] logSums) {
        int[] all = new int[queries.rows()];
        Arrays.setAll(all, i -> i);
        answer(team, queries, all, logSums);
        return new Statistics(points(), 1);
    }

    @Override
    public final double failureProbability() {
        return 0;
    }
}
