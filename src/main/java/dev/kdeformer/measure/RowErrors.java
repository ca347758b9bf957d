package dev.kdeformer.measure;

import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;

/** Squared errors and squared norms of exact rows as they come. */
final class RowErrors implements ExactRows.Sink {
    private final Tensor approximate;
    private final int[][] rows;
    private final double[][] errors;
    private final double[][] norms;

    RowErrors(Tensor approximate, int[][] rows) {
        this.approximate = approximate;
        this.rows = rows;
        this.errors = new double[rows.length][rows[0].length];
        this.norms = new double[rows.length][rows[0].length];
    }

    @Override
    public void accept(int head, int index, double[] row) {
        int heads = approximate.shape().heads();
        Matrix matrix = approximate.matrix(head / heads, head % heads);
        double error = 0;
        double norm = 0;
        for (int c = 0; c < matrix.columns(); c++) {
            double difference = matrix.get(rows[head][index], c) - row[c];
            error += difference * difference;
            norm += row[c] * row[c];
        }
        errors[head][index] = error;
        norms[head][index] = norm;
    }

    /** ‖õ − o‖² of the rows of a head. */
    double[] errors(int head) {
        return errors[head];
    }

    /** ‖o‖² of the rows of a head. */
    double[] norms(int head) {
        return norms[head];
    }
}
