package dev.kdeformer.spark;

import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.io.Serializable;
import java.util.Arrays;

/**
 * Turns the distances of a Gaussian kernel into attention: −‖x − y‖² / (2h²) is x·y / h² − ‖y‖² / (2h²) and what is the
 * same for all keys of a query. All vectors are taken relative to a centre among the keys, so that far from the origin
 * no digits of the difference are lost.
 */
record Gaussian(double bandwidth, float[] centre) implements Serializable {
    private static final long serialVersionUID = 1;

    /** The kernel about the mean of some keys. */
    static Gaussian about(double bandwidth, Block keys) {
        Matrix rows = Block.tensor(keys.key, keys.rows).matrix(0, 0);
        double[] sum = new double[rows.columns()];
        for (int j = 0; j < rows.rows(); j++) {
            for (int c = 0; c < sum.length; c++) {
                sum[c] += rows.get(j, c);
            }
        }
        float[] centre = new float[sum.length];
        for (int c = 0; c < sum.length; c++) {
            centre[c] = (float) (sum[c] / rows.rows());
        }
        return new Gaussian(bandwidth, centre);
    }

    /** The factor before products. */
    float scale() {
        return (float) (1 / (bandwidth * bandwidth));
    }

    /** The same queries relative to the centre. */
    Block queries(Block block) {
        Block moved = new Block(block.head, block.start, block.rows);
        moved.query = moved(block.query, block.rows);
        return moved;
    }

    /** The same keys relative to the centre, with the kernel's part of the bias. */
    Block keys(Block block) {
        Block moved = new Block(block.head, block.start, block.rows);
        moved.key = moved(block.key, block.rows);
        moved.value = block.value;
        moved.bias = block.bias == null ? new byte[block.rows * Float.BYTES] : block.bias.clone();
        Matrix keys = Block.tensor(moved.key, block.rows).matrix(0, 0);
        Matrix biases = Block.tensor(moved.bias, block.rows).matrix(0, 0);
        for (int j = 0; j < block.rows; j++) {
            biases.set(j, 0, (float) (biases.get(j, 0) + ofQuery(keys, j)));
        }
        return moved;
    }

    /** −‖x‖² / (2h²) of a row that is relative to the centre: what a query's log-sum lacks. */
    double ofQuery(Matrix rows, int row) {
        double square = 0;
        for (int c = 0; c < rows.columns(); c++) {
            square += (double) rows.get(row, c) * rows.get(row, c);
        }
        return -square / (2 * bandwidth * bandwidth);
    }

    private byte[] moved(byte[] bytes, int rows) {
        byte[] copy = Arrays.copyOf(bytes, bytes.length);
        Tensor tensor = Block.tensor(copy, rows);
        Matrix matrix = tensor.matrix(0, 0);
        for (int i = 0; i < rows; i++) {
            for (int c = 0; c < centre.length; c++) {
                matrix.set(i, c, matrix.get(i, c) - centre[c]);
            }
        }
        return copy;
    }
}
