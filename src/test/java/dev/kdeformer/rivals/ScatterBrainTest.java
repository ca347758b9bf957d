package dev.kdeformer.rivals;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ScatterBrainTest {
    private static final int BLOCK = 9;
    private static final int FEATURES = 20;

    @Test
    void isExactOnLocalBlocksAndFeaturesElsewhere() {
        AttentionInput input = RivalChecks.rich(1, 31, 83);
        RivalChecks.agrees(Attention.scatterbrain().block(BLOCK).features(FEATURES)
                .support(ScatterBrain.Support.LOCAL).seed(5)
                .build(), input, 3e-5, true, (b, h, q, k, v, bias) -> {
                    int[] rows = IntStream.range(0, q.length).toArray();
                    return plain(input, b, h, new RivalChecks.Plain.Head(q, k, v, bias), rows,
                            RivalChecks.visible(bias));
                });
    }

    @Test
    void isExactOnBlocksOfSimilarRowsAndFeaturesElsewhere() {
        AttentionInput input = RivalChecks.rich(2, 31, 83);
        RivalChecks.agrees(Attention.scatterbrain().block(BLOCK).features(FEATURES).bits(5).seed(5).build(), input,
                3e-5, true,
                (b, h, q, k, v, bias) -> {
                    CounterRandom random = stream(input, b, h).stream(1);
                    int[] rows = sorted(IntStream.range(0, q.length).toArray(), q, random);
                    return plain(input, b, h, new RivalChecks.Plain.Head(q, k, v, bias), rows,
                            sorted(RivalChecks.visible(bias), k, random));
                });
    }

    private static CounterRandom stream(AttentionInput input, int b, int h) {
        return CounterRandom.of(5).stream(b * input.kvHeads() + h / input.groupSize());
    }

    /** Sorts by the position of five signs in the reflected Gray code, by counting up to it. */
    private static int[] sorted(int[] rows, double[][] x, CounterRandom random) {
        int[] rank = new int[x.length];
        for (int i = 0; i < x.length; i++) {
            int code = 0;
            for (int b = 0; b < 5; b++) {
                double dot = 0;
                for (int c = 0; c < x[i].length; c++) {
                    dot += (float) random.gaussian((long) b * x[i].length + c) * x[i][c];
                }
                code |= dot > 0 ? 1 << b : 0;
            }
            while ((rank[i] ^ rank[i] >>> 1) != code) {
                rank[i]++;
            }
        }
        return Arrays.stream(rows).boxed().sorted(Comparator.comparingInt(i -> rank[i])).mapToInt(i -> i).toArray();
    }

    /** (exact − feature) on the support plus feature everywhere. */
    private static double[][] plain(AttentionInput input, int b, int h, RivalChecks.Plain.Head head,
            int[] rows, int[] keys) {
        double[][] q = head.q();
        double[][] k = head.k();
        double[][] v = head.v();
        double[] bias = head.bias();
        double[][] w = PerformerTest.orthogonal(FEATURES, q[0].length, stream(input, b, h).stream(0));
        double root = Math.sqrt(input.scale());
        int blocks = Math.ceilDiv(keys.length, BLOCK);
        double[][] result = new double[q.length][v[0].length + 1];
        for (int position = 0; position < rows.length; position++) {
            int i = rows[position];
            double[] phi = PerformerTest.features(root, w, q[i]);
            double sum = 0;
            for (int at = 0; at < keys.length; at++) {
                int j = keys[at];
                double feature = RivalChecks.dot(phi, PerformerTest.features(root, w, k[j]));
                double weight = feature;
                int own = 0;
                while (position >= Math.floorDiv(2 * q.length * (own + 1) + blocks, 2 * blocks)) {
                    own++;
                }
                if (at >= keys.length * own / blocks && at < keys.length * (own + 1) / blocks) {
                    weight += Math.exp(input.scale() * RivalChecks.dot(q[i], k[j])) - feature;
                }
                weight *= Math.exp(bias[j]);
                sum += weight;
                for (int c = 0; c < v[j].length; c++) {
                    result[i][c] += weight * v[j][c];
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
    void isExactWhenOneBlockHoldsAllKeys() {
        RivalChecks.isExact(Attention.scatterbrain().block(83).features(5).build(), RivalChecks.rich(3, 31, 83), 3e-6,
                true);
    }

    @Test
    void isCloserThanItsFeaturesAloneWhereRowsFormClusters() {
        AttentionInput input = TestInputs.of(4).normal(1, 1, 1, 320, 320, 8, 8);
        Matrix rows = input.key().matrix(0, 0);
        for (int i = 0; i < 320; i++) {
            for (int c = 0; c < 8; c++) {
                rows.set(i, c, i % 40 == 0 ? 2 * rows.get(i, c)
                        : rows.get(i / 40 * 40, c) + 0.2f * rows.get(i, c));
            }
        }
        input = AttentionInput.of(input.key(), input.key(), input.value()).withScale(0.1f);
        ReferenceAttention exact = ReferenceAttention.of(input);
        double mixed = 0;
        double alone = 0;
        for (int seed = 0; seed < 5; seed++) {
            mixed += exact.spectralError(RivalChecks.run(
                    Attention.scatterbrain().block(40).support(ScatterBrain.Support.LOCAL)
                            .features(64).seed(seed).build(), input, 2).output());
            alone += exact.spectralError(RivalChecks.run(
                    Attention.performer().features(64).seed(seed).build(), input, 2).output());
        }
        assertTrue(mixed < 0.7 * alone, mixed + " against " + alone);
    }

    @Test
    void staysFinite() {
        RivalChecks.staysFinite(Attention.scatterbrain().block(10).features(12).build(), true);
        RivalChecks.staysFinite(Attention.scatterbrain().block(16).features(3).support(ScatterBrain.Support.LOCAL)
                .build(), true);
    }

    @Test
    void doesNotDependOnThreads() {
        RivalChecks.sameForAnyThreads(Attention.scatterbrain().build(), true);
    }

    @Test
    void refusesOptionsOutOfRange() {
        assertThrows(IllegalArgumentException.class, () -> Attention.scatterbrain().block(0));
        assertThrows(IllegalArgumentException.class, () -> Attention.scatterbrain().bits(31));
    }
}
