package dev.kdeformer.rivals;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.linalg.Cholesky;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class WildCatTest {
    @Test
    void weighsTheCoresetOfRandomPivots() {
        AttentionInput input = RivalChecks.rich(1, 31, 60).withScale(0.25f);
        RivalChecks.agrees(Attention.wildcat().coreset(7).temperature(0.8).seed(5).build(), input, 2e-4, true,
                (b, h, q, k, v, bias) -> plain(input.scale(), 0.25 / 0.64, 7, new RivalChecks.Plain.Head(q, k, v, bias),
                        CounterRandom.of(5).stream(b * input.kvHeads() + h / input.groupSize())));
    }

    @Test
    void takesTheTemperatureFromTheLongestKeyAndQuery() {
        AttentionInput input = TestInputs.of(8).normal(1, 1, 1, 31, 60, 7, 3);
        RivalChecks.agrees(Attention.wildcat().coreset(9).build(), input, 2e-4, true, (b, h, q, k, v, bias) -> {
            double[][] centred = centred(k, RivalChecks.visible(bias));
            double strength = input.scale() * longest(q) / (3.94582 * longest(centred));
            return plain(input.scale(), strength, 9, new RivalChecks.Plain.Head(q, k, v, bias),
                    CounterRandom.of(0).stream(0));
        });
    }

    private static double longest(double[][] rows) {
        return Math.sqrt(Arrays.stream(rows).mapToDouble(r -> RivalChecks.dot(r, r)).max().getAsDouble());
    }

    private static double[][] centred(double[][] k, int[] visible) {
        int d = k[0].length;
        double[] mean = new double[d];
        for (int j : visible) {
            for (int c = 0; c < d; c++) {
                mean[c] += k[j][c] / visible.length;
            }
        }
        double[][] centred = new double[visible.length][d];
        for (int j = 0; j < visible.length; j++) {
            for (int c = 0; c < d; c++) {
                centred[j][c] = k[visible[j]][c] - mean[c];
            }
        }
        return centred;
    }

    /** Weights by an explicit solve with the kernel matrix of the pivots. */
    private static double[][] plain(double scale, double s, int size, RivalChecks.Plain.Head head,
            CounterRandom random) {
        double[][] q = head.q();
        double[][] k = head.k();
        double[][] v = head.v();
        double[] bias = head.bias();
        int[] visible = RivalChecks.visible(bias);
        int m = visible.length;
        int dv = v[0].length;
        double[][] x = centred(k, visible);
        double[][] kernel = new double[m][m];
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < m; j++) {
                kernel[i][j] = Math.exp(s * RivalChecks.dot(x[i], x[j]) + bias[visible[i]] + bias[visible[j]]);
            }
        }
        int[] core = new int[size];
        double[][] rest = Arrays.stream(kernel).map(double[]::clone).toArray(double[][]::new);
        for (int t = 0; t < size; t++) {
            double target = 0;
            for (int j = 0; j < m; j++) {
                target += Math.max(0, rest[j][j]);
            }
            target *= random.uniform(t);
            int pivot = -1;
            do {
                target -= Math.max(0, rest[++pivot][pivot]);
            } while (target >= 0);
            core[t] = pivot;
            double[] row = rest[pivot].clone();
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < m; j++) {
                    rest[i][j] -= row[i] * row[j] / row[pivot];
                }
            }
            for (int j = 0; j < m; j++) {
                rest[pivot][j] = 0;
                rest[j][pivot] = 0;
            }
        }
        double[] square = new double[size * size];
        for (int i = 0; i < size; i++) {
            for (int j = 0; j < size; j++) {
                square[i * size + j] = kernel[core[i]][core[j]];
            }
        }
        assertTrue(Cholesky.factor(square, size));
        double[][] compressed = new double[size][dv + 1];
        for (int l = 0; l < m; l++) {
            double[] weights = new double[size];
            for (int i = 0; i < size; i++) {
                weights[i] = kernel[core[i]][l];
            }
            Cholesky.solve(square, size, weights);
            for (int i = 0; i < size; i++) {
                for (int c = 0; c < dv; c++) {
                    compressed[i][c] += weights[i] * v[visible[l]][c];
                }
                compressed[i][dv] += weights[i];
            }
        }
        double[][] result = new double[q.length][dv + 1];
        for (int i = 0; i < q.length; i++) {
            double shift = 0;
            for (int c = 0; c < q[i].length; c++) {
                shift += scale * q[i][c] * (k[visible[0]][c] - x[0][c]);
            }
            double[] sum = new double[dv + 1];
            for (int t = 0; t < size; t++) {
                double a = Math.exp(scale * RivalChecks.dot(q[i], x[core[t]]) + bias[visible[core[t]]]);
                for (int c = 0; c <= dv; c++) {
                    sum[c] += a * compressed[t][c];
                }
            }
            assertTrue(sum[dv] > 0);
            for (int c = 0; c < dv; c++) {
                int column = c;
                double least = Arrays.stream(visible).mapToDouble(j -> v[j][column]).min().getAsDouble();
                double largest = Arrays.stream(visible).mapToDouble(j -> v[j][column]).max().getAsDouble();
                result[i][c] = Math.max(least, Math.min(largest, sum[c] / sum[dv]));
            }
            result[i][dv] = Math.log(sum[dv]) + shift;
        }
        return result;
    }

    @Test
    void isExactWithACoresetOfAllKeys() {
        RivalChecks.isExact(Attention.wildcat().coreset(83).build(), RivalChecks.rich(2, 31, 83), 3e-6, true);
    }

    @Test
    void approachesExactAttentionAsTheCoresetGrows() {
        AttentionInput input = TestInputs.of(12).normal(1, 1, 1, 100, 3000, 3, 8);
        ReferenceAttention exact = ReferenceAttention.of(input);
        double before = Double.POSITIVE_INFINITY;
        for (int size : new int[] {8, 24, 72, 216}) {
            RivalChecks.Result result = RivalChecks.run(Attention.wildcat().coreset(size).build(), input, 2);
            double error = exact.spectralError(result.output());
            assertTrue(error < 0.7 * before, error + " with " + size + " keys after " + before);
            assertTrue(result.columns() > size);
            before = error;
        }
        assertTrue(before < 0.1, "error " + before);
    }

    @Test
    void equalKeysNeedOnePivot() {
        AttentionInput input = TestInputs.of(13).equalRows(1, 1, 1, 20, 90, 5, 4);
        RivalChecks.Result result = RivalChecks.run(Attention.wildcat().coreset(40).build(), input, 1);
        assertEquals(0, ReferenceAttention.of(input).maxDifference(result.output()), 1e-4);
    }

    @Test
    void staysFinite() {
        RivalChecks.staysFinite(Attention.wildcat().coreset(6).build(), true);
        RivalChecks.staysFinite(Attention.wildcat().coreset(50).temperature(1).build(), true);
    }

    @Test
    void doesNotDependOnThreads() {
        RivalChecks.sameForAnyThreads(Attention.wildcat().coreset(48).build(), true);
    }

    @Test
    void refusesOptionsOutOfRange() {
        assertThrows(IllegalArgumentException.class, () -> Attention.wildcat().coreset(0));
        assertThrows(IllegalArgumentException.class, () -> Attention.wildcat().temperature(Double.NaN));
    }
}
