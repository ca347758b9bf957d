package dev.kdeformer.cli.density;

import dev.kdeformer.linalg.Gram;
import dev.kdeformer.linalg.SymmetricEigen;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;

/** The mean and the leading principal directions of some points. */
final class PrincipalAxes {
    private final double[] mean;
    private final double[] directions;
    private final int components;
    private final double kept;

    /**
     * Finds them.
     *
     * @param points     (1, 1, n, d)
     * @param components number of directions, at most d
     */
    PrincipalAxes(Tensor points, int components) {
        Matrix rows = points.matrix(0, 0);
        int n = rows.rows();
        int d = rows.columns();
        this.components = components;
        mean = new double[d];
        float[] row = new float[d];
        for (int i = 0; i < n; i++) {
            rows.readRow(i, row, 0);
            for (int c = 0; c < d; c++) {
                mean[c] += (double) row[c] / n;
            }
        }
        Gram gram = new Gram(d);
        for (int i = 0; i < n; i++) {
            rows.readRow(i, row, 0);
            for (int c = 0; c < d; c++) {
                gram.next()[c] = row[c] - mean[c];
            }
            gram.add();
        }
        SymmetricEigen eigen = new SymmetricEigen(d);
        double[] variances = eigen.decompose(gram.matrix());
        directions = eigen.vectors();
        double all = 0;
        double leading = 0;
        for (int c = 0; c < d; c++) {
            all += Math.max(0, variances[c]);
            leading += c < components ? Math.max(0, variances[c]) : 0;
        }
        kept = all > 0 ? leading / all : 1;
    }

    /** The share of the points' variance that lies along the directions. */
    double kept() {
        return kept;
    }

    /** The coordinates of points along the directions, (1, 1, n, components). */
    Tensor project(Tensor points, Arena arena) {
        Matrix rows = points.matrix(0, 0);
        int d = mean.length;
        Tensor reduced = Tensor.allocate(arena, Shape.of(rows.rows(), components));
        Matrix target = reduced.matrix(0, 0);
        float[] row = new float[d];
        for (int i = 0; i < rows.rows(); i++) {
            rows.readRow(i, row, 0);
            for (int k = 0; k < components; k++) {
                double sum = 0;
                for (int c = 0; c < d; c++) {
                    sum += directions[k * d + c] * (row[c] - mean[c]);
                }
                target.set(i, k, (float) sum);
            }
        }
        return reduced;
    }
}
