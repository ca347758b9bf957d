package dev.kdeformer.rivals;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class NystromTest {
    @Test
    void isTheProductOfThreeSoftmaxMatrices() {
        AttentionInput input = RivalChecks.rich(1, 31, 83);
        RivalChecks.agrees(Attention.nystrom().landmarks(6).build(), input, 2e-5, false, (b, h, q, k, v, bias) -> {
            int[] visible = RivalChecks.visible(bias);
            double[][] landmarkQ = means(q, IntStream.range(0, q.length).toArray(), 6);
            double[][] landmarkK = means(k, visible, 6);
            double[] landmarkBias = new double[6];
            for (int j = 0; j < 6; j++) {
                int from = visible.length * j / 6;
                int to = visible.length * (j + 1) / 6;
                for (int i = from; i < to; i++) {
                    landmarkBias[j] += Math.exp(bias[visible[i]]) / (to - from);
                }
                landmarkBias[j] = Math.log(landmarkBias[j]);
            }
            double[][] first = softmax(input.scale(), q, landmarkK, landmarkBias);
            double[][] middle = softmax(input.scale(), landmarkQ, landmarkK, landmarkBias);
            double[][] last = product(softmax(input.scale(), landmarkQ, k, bias), v);
            return product(first, product(inverse(middle, 6), last));
        });
    }

    private static double[][] means(double[][] x, int[] rows, int count) {
        double[][] means = new double[count][x[0].length];
        for (int l = 0; l < count; l++) {
            int from = rows.length * l / count;
            int to = rows.length * (l + 1) / count;
            for (int i = from; i < to; i++) {
                for (int c = 0; c < means[l].length; c++) {
                    means[l][c] += x[rows[i]][c] / (to - from);
                }
            }
        }
        return means;
    }

    private static double[][] softmax(double scale, double[][] q, double[][] k, double[] bias) {
        double[][] result = new double[q.length][k.length];
        for (int i = 0; i < q.length; i++) {
            for (int j = 0; j < k.length; j++) {
                result[i][j] = Math.exp(scale * RivalChecks.dot(q[i], k[j]) + bias[j]);
            }
            double sum = Arrays.stream(result[i]).sum();
            for (int j = 0; j < k.length; j++) {
                result[i][j] /= sum;
            }
        }
        return result;
    }

    private static double[][] product(double[][] a, double[][] b) {
        double[][] c = new double[a.length][b[0].length];
        for (int i = 0; i < a.length; i++) {
            for (int j = 0; j < b[0].length; j++) {
                for (int k = 0; k < b.length; k++) {
                    c[i][j] += a[i][k] * b[k][j];
                }
            }
        }
        return c;
    }

    /** The paper's iteration in another arrangement: Z (13 I − 15 X + 7 X² − X³) / 4 with X = A Z. */
    private static double[][] inverse(double[][] a, int iterations) {
        int n = a.length;
        double columns = 0;
        for (int j = 0; j < n; j++) {
            int column = j;
            columns = Math.max(columns, Arrays.stream(a).mapToDouble(row -> row[column]).sum());
        }
        double[][] z = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                z[i][j] = a[j][i] / columns;
            }
        }
        for (int iteration = 0; iteration < iterations; iteration++) {
            double[][] x = product(a, z);
            double[][] x2 = product(x, x);
            double[][] x3 = product(x2, x);
            double[][] factor = new double[n][n];
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) {
                    factor[i][j] = ((i == j ? 13 : 0) - 15 * x[i][j] + 7 * x2[i][j] - x3[i][j]) / 4;
                }
            }
            z = product(z, factor);
        }
        return z;
    }

    @Test
    void isExactWithAllRowsAsLandmarks() {
        AttentionInput input = TestInputs.of(2).normal(1, 2, 1, 24, 24, 8, 5).withScale(1);
        RivalChecks.isExact(Attention.nystrom().landmarks(24).iterations(60).build(), input, 1e-3, false);
    }

    @Test
    void approachesExactAttentionOfSmoothSequences() {
        AttentionInput input = TestInputs.of(3).normal(1, 1, 1, 512, 512, 4, 4);
        for (Tensor tensor : new Tensor[] {input.query(), input.key(), input.value()}) {
            for (int i = 0; i < 512; i++) {
                for (int c = 0; c < 4; c++) {
                    tensor.matrix(0, 0).set(i, c, (float) Math.sin((c + 1) * i / 60.0));
                }
            }
        }
        ReferenceAttention exact = ReferenceAttention.of(input);
        double few = exact.spectralError(
                RivalChecks.run(Attention.nystrom().landmarks(4).iterations(20).build(), input, 2, false).output());
        double many = exact.spectralError(
                RivalChecks.run(Attention.nystrom().landmarks(32).iterations(20).build(), input, 2, false).output());
        assertTrue(many < 0.5 * few && many < 0.05, few + ", then " + many);
    }

    @Test
    void refusesALogSumExpAndWritesNothing() {
        AttentionInput input = TestInputs.of(4).normal(1, 1, 1, 5, 6, 3, 2);
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class,
                () -> RivalChecks.run(Attention.nystrom().build(), input, 1));
        assertTrue(e.getMessage().startsWith("logSumExp must be null"), e.getMessage());
    }

    @Test
    void staysFinite() {
        RivalChecks.staysFinite(Attention.nystrom().landmarks(5).build(), false);
    }

    @Test
    void doesNotDependOnThreads() {
        RivalChecks.sameForAnyThreads(Attention.nystrom().build(), false);
    }

    @Test
    void takesHalfTheColumns() {
        assertEquals(32, Attention.nystrom().columns(64).build().parameters().get("landmarks"));
    }

    @Test
    void refusesOptionsOutOfRange() {
        assertThrows(IllegalArgumentException.class, () -> Attention.nystrom().landmarks(0));
        assertThrows(IllegalArgumentException.class, () -> Attention.nystrom().iterations(0));
    }
}
