package dev.kdeformer.cli.bench;

import dev.kdeformer.tensor.Matrix;

/** ‖Õ − O‖ / ‖O‖ in the Frobenius norm, of one head or of several together. */
public final class FrobeniusError {
    private float[] approximate = new float[0];
    private float[] exact = new float[0];
    private double error;
    private double norm;

    /** Adds a head's output Õ, and the exact one O. */
    public void add(Matrix output, Matrix truth) {
        int columns = truth.columns();
        if (exact.length < columns) {
            approximate = new float[columns];
            exact = new float[columns];
        }
        for (int i = 0; i < truth.rows(); i++) {
            output.readRow(i, approximate, 0);
            truth.readRow(i, exact, 0);
            for (int c = 0; c < columns; c++) {
                double o = exact[c];
                double e = approximate[c] - o;
                error += e * e;
                norm += o * o;
            }
        }
    }

    /** The error of all that has been added. */
    public double relative() {
        return error == 0 ? 0 : Math.sqrt(error / norm);
    }
}
