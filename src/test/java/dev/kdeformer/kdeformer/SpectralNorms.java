package dev.kdeformer.kdeformer;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.linalg.Gram;
import dev.kdeformer.linalg.SymmetricEigen;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;

/** Norms of the matrices of one head by the definition; for inputs without a causal mask. */
final class SpectralNorms {
    private SpectralNorms() {
    }

    /** The softmax matrix P, n rows of m. */
    static double[][] softmax(AttentionInput input, ReferenceAttention exact, int batch, int head) {
        int m = input.mask().keyLength(batch, input.keys());
        int kvHead = head / input.groupSize();
        Matrix query = input.query().matrix(batch, head);
        Matrix key = input.key().matrix(batch, kvHead);
        double[] logSums = exact.logSumExp(batch, head);
        double[][] p = new double[input.queries()][m];
        for (int i = 0; i < p.length; i++) {
            for (int j = 0; j < m; j++) {
                double logit = 0;
                for (int c = 0; c < input.d(); c++) {
                    logit += (double) query.get(i, c) * key.get(j, c);
                }
                Tensor bias = input.keyBias();
                double b = bias == null ? 0 : bias.matrix(Math.min(batch, bias.shape().batch() - 1),
                        Math.min(kvHead, bias.shape().heads() - 1)).get(0, j);
                double log = logit * input.scale() + b - logSums[i];
                p[i][j] = b == Double.NEGATIVE_INFINITY ? 0 : Math.exp(log);
            }
        }
        return p;
    }

    /** The largest singular value of rows. */
    static double norm(double[][] rows) {
        if (rows.length == 0 || rows[0].length == 0) {
            return 0;
        }
        Gram gram = new Gram(rows[0].length);
        for (double[] row : rows) {
            System.arraycopy(row, 0, gram.next(), 0, row.length);
            gram.add();
        }
        return Math.sqrt(Math.max(0, SymmetricEigen.largest(gram.matrix(), rows[0].length)));
    }

    /** The values of one head that keys of a weight have, as rows. */
    static double[][] values(AttentionInput input, int batch, int head, double[][] p) {
        Matrix value = input.value().matrix(batch, head / input.groupSize());
        double[][] rows = new double[p[0].length][input.dv()];
        for (int j = 0; j < rows.length; j++) {
            for (int c = 0; c < input.dv(); c++) {
                rows[j][c] = value.get(j, c);
            }
        }
        return rows;
    }

    /** The difference of an output and the exact one of a head, as rows. */
    static double[][] difference(ReferenceAttention reference, int batch, int head, Tensor output) {
        double[] exact = reference.output(batch, head);
        int columns = output.shape().columns();
        double[][] rows = new double[output.shape().rows()][columns];
        for (int i = 0; i < rows.length; i++) {
            for (int c = 0; c < columns; c++) {
                rows[i][c] = output.matrix(batch, head).get(i, c) - exact[i * columns + c];
            }
        }
        return rows;
    }
}
