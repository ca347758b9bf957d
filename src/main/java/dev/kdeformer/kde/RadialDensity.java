package dev.kdeformer.kde;

import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;

/**
 * Sums over all points of kernels that are functions of the distance and have no form as a product, pair by pair.
 */
final class RadialDensity extends ExactSums {
    /** What is left of rounding, relative. */
    private static final double ROUNDING = 1e-4;

    /** Queries of one task. */
    private static final int CHUNK = 4;

    RadialDensity(Points points) {
        super(points);
    }

    @Override
    void answer(Team team, Matrix queries, int[] rows, double[] logSums) {
        team.forEach(Math.ceilDiv(rows.length, CHUNK), (index, scratch) -> {
            float[] x = new float[points.stride()];
            for (int i = index * CHUNK; i < Math.min(rows.length, (index + 1) * CHUNK); i++) {
                points.load(queries, rows[i], x, 0);
                logSums[rows[i]] = sum(x);
            }
        });
    }

    private double sum(float[] x) {
        LogSum sum = new LogSum();
        for (int j = 0; j < points.count(); j++) {
            sum.add(points.logWeight(j) + points.logKernel(x, j));
        }
        return sum.log();
    }

    @Override
    public double relativeError() {
        return ROUNDING;
    }
}
