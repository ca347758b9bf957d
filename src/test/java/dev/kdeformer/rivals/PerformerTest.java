package dev.kdeformer.rivals;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.sampling.CounterRandom;
import org.junit.jupiter.api.Test;

class PerformerTest {
    @Test
    void isLinearAttentionWithIndependentFeatures() {
        AttentionInput input = RivalChecks.rich(1, 31, 83);
        RivalChecks.agrees(Attention.performer().features(40).orthogonal(false).seed(5).build(), input, 2e-5, true,
                (b, h, q, k, v, bias) -> {
                    CounterRandom random = stream(input, b, h);
                    double[][] w = new double[40][7];
                    for (int f = 0; f < 40; f++) {
                        for (int c = 0; c < 7; c++) {
                            w[f][c] = random.stream(0).gaussian(f * 7L + c);
                        }
                    }
                    return plain(input.scale(), w, q, k, v, bias);
                });
    }

    @Test
    void isLinearAttentionWithOrthogonalFeatures() {
        AttentionInput input = RivalChecks.rich(2, 31, 83).withScale(-0.4f);
        RivalChecks.agrees(Attention.performer().features(17).seed(5).build(), input, 2e-5, true,
                (b, h, q, k, v, bias) -> plain(input.scale(), orthogonal(17, 7, stream(input, b, h)), q, k, v, bias));
    }

    private static CounterRandom stream(AttentionInput input, int b, int h) {
        return CounterRandom.of(5).stream(b * input.kvHeads() + h / input.groupSize());
    }

    /** Directions by modified Gram-Schmidt, with the lengths of other Gaussian vectors. */
    static double[][] orthogonal(int count, int d, CounterRandom random) {
        double[][] w = new double[count][d];
        for (int f = 0; f < count; f++) {
            double length = 0;
            for (int c = 0; c < d; c++) {
                w[f][c] = random.stream(0).gaussian((long) f * d + c);
                length += Math.pow(random.stream(1).gaussian((long) f * d + c), 2);
            }
            for (int e = f / d * d; e < f; e++) {
                double along = RivalChecks.dot(w[f], w[e]) / RivalChecks.dot(w[e], w[e]);
                for (int c = 0; c < d; c++) {
                    w[f][c] -= along * w[e][c];
                }
            }
            double factor = Math.sqrt(length / RivalChecks.dot(w[f], w[f]));
            for (int c = 0; c < d; c++) {
                w[f][c] *= factor;
            }
        }
        return w;
    }

    /** The features φ of queries or keys; {@code factor} is √|β|, with the sign of β for queries. */
    static double[] features(double factor, double[][] w, double[] x) {
        double[] phi = new double[w.length];
        for (int f = 0; f < w.length; f++) {
            phi[f] = Math.exp(factor * RivalChecks.dot(w[f], x) - factor * factor * RivalChecks.dot(x, x) / 2)
                    / Math.sqrt(w.length);
        }
        return phi;
    }

    private static double[][] plain(double scale, double[][] w, double[][] q, double[][] k, double[][] v,
            double[] bias) {
        double root = Math.sqrt(Math.abs(scale));
        double[][] result = new double[q.length][v[0].length + 1];
        for (int i = 0; i < q.length; i++) {
            double[] phi = features(Math.copySign(root, scale), w, q[i]);
            double sum = 0;
            for (int j : RivalChecks.visible(bias)) {
                double a = RivalChecks.dot(phi, features(root, w, k[j])) * Math.exp(bias[j]);
                sum += a;
                for (int c = 0; c < v[j].length; c++) {
                    result[i][c] += a * v[j][c];
                }
            }
            for (int c = 0; c < v[0].length; c++) {
                result[i][c] /= sum;
            }
            result[i][v[0].length] = Math.log(sum);
        }
        return result;
    }

    @Test
    void theKernelIsUnbiased() {
        AttentionInput input = TestInputs.of(3).normal(1, 1, 1, 3, 20, 4, 2).withScale(0.1f);
        ReferenceAttention exact = ReferenceAttention.of(input);
        for (boolean orthogonal : new boolean[] {true, false}) {
            double[] mean = new double[3];
            int seeds = 400;
            for (int seed = 0; seed < seeds; seed++) {
                RivalChecks.Result result = RivalChecks.run(
                        Attention.performer().features(32).orthogonal(orthogonal).seed(seed).build(), input, 1);
                for (int i = 0; i < 3; i++) {
                    mean[i] += Math.exp(result.sum(0, 0, i) - exact.logSumExp(0, 0)[i]) / seeds;
                }
            }
            for (double m : mean) {
                assertEquals(1, m, 0.05);
            }
        }
    }

    @Test
    void theErrorFallsWithTheFeatures() {
        AttentionInput input = TestInputs.of(4).normal(1, 1, 1, 100, 200, 8, 8).withScale(0.06f);
        ReferenceAttention exact = ReferenceAttention.of(input);
        double[] errors = new double[3];
        for (int seed = 0; seed < 5; seed++) {
            for (int e = 0; e < 3; e++) {
                errors[e] += exact.spectralError(RivalChecks.run(Attention.performer().features(32 << 4 * e)
                        .seed(seed).build(), input, 2).output());
            }
        }
        // The error of a mean over 16 times as many features is a quarter.
        assertTrue(errors[1] < errors[0] / 2.5 && errors[2] < errors[1] / 2.5, java.util.Arrays.toString(errors));
    }

    @Test
    void staysFinite() {
        RivalChecks.staysFinite(Attention.performer().features(30).build(), true);
    }

    @Test
    void doesNotDependOnThreads() {
        RivalChecks.sameForAnyThreads(Attention.performer().features(200).build(), true);
    }

    @Test
    void countsThePassOverTheKeys() {
        AttentionInput input = TestInputs.of(4).normal(1, 2, 1, 50, 300, 8, 8);
        assertEquals(32 * (1 + 300 / 100.0),
                RivalChecks.run(Attention.performer().columns(64).build(), input, 1).columns(), 1e-9);
    }

    @Test
    void refusesOptionsOutOfRange() {
        assertThrows(IllegalArgumentException.class, () -> Attention.performer().features(0));
    }
}
