package dev.kdeformer.rivals;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.sampling.CounterRandom;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ThinformerTest {
    @Test
    void attendsTheKeysOfKhCompress() {
        AttentionInput input = RivalChecks.rich(1, 31, 90);
        RivalChecks.agrees(Attention.thinformer().oversampling(0).seed(5).build(), input, 3e-6, true,
                (b, h, q, k, v, bias) -> {
                    int[] visible = RivalChecks.visible(bias);
                    CounterRandom random = CounterRandom.of(5).stream(b * input.kvHeads() + h / input.groupSize());
                    List<Integer> keys = new ArrayList<>();
                    for (int i = 0; i < 64; i++) {
                        keys.add(visible[i * visible.length / 64]);
                    }
                    PlainHalving plain = new PlainHalving(k, v, bias, input.scale(), keys);
                    // n = 64, g = 0: buckets of 4, then of 8, then 16 keys are halved to 8 = √64.
                    double share = 0.5 * (4.0 / 5) / 2 / 4 / 64;
                    keys = plain.buckets(keys, 4, share * 16, random, 0);
                    keys = plain.buckets(keys, 8, share * 64, random, 1);
                    keys = plain.halve(keys, 0.5 / 5, false, random.stream(2, 0));
                    assertEquals(8, keys.size());
                    double[][] result = new double[q.length][];
                    for (int i = 0; i < q.length; i++) {
                        double[] logits = new double[8];
                        double[][] values = new double[8][];
                        for (int s = 0; s < 8; s++) {
                            int j = keys.get(s);
                            logits[s] = input.scale() * RivalChecks.dot(q[i], k[j]) + bias[j]
                                    + Math.log(visible.length / 8.0);
                            values[s] = v[j];
                        }
                        result[i] = RivalChecks.softmax(logits, values);
                    }
                    return result;
                });
    }

    /** Halving straight from the definition, with the whole kernel matrix. */
    private record PlainHalving(double[][] k, double[][] v, double[] bias, double scale, double largest) {
        PlainHalving(double[][] k, double[][] v, double[] bias, double scale, List<Integer> keys) {
            this(k, v, bias, scale, keys.stream().mapToDouble(
                    j -> java.util.Arrays.stream(v[j]).map(Math::abs).max().getAsDouble()).max().getAsDouble());
        }

        double kernel(int a, int b) {
            return Math.exp(scale * RivalChecks.dot(k[a], k[b]) + bias[a] + bias[b])
                    * (RivalChecks.dot(v[a], v[b]) + largest * largest);
        }

        List<Integer> buckets(List<Integer> keys, int size, double delta, CounterRandom random, int round) {
            List<Integer> kept = new ArrayList<>();
            for (int i = 0; i < keys.size(); i += size) {
                kept.addAll(halve(keys.subList(i, i + size), delta, true, random.stream(round, i / size)));
            }
            return kept;
        }

        List<Integer> halve(List<Integer> keys, double delta, boolean symmetrise, CounterRandom random) {
            int n = keys.size();
            double[] sign = new double[n];
            List<Integer> kept = new ArrayList<>();
            boolean other = symmetrise && random.uniform(0) < 0.5;
            double top = 0;
            for (int i = 0; i < n; i += 2) {
                int x = keys.get(i);
                int y = keys.get(i + 1);
                double b = Math.sqrt(kernel(x, x) + kernel(y, y) - 2 * kernel(x, y));
                top = Math.max(top, b);
                double alpha = 0;
                for (int j = 0; j < i; j++) {
                    alpha += sign[j] * (kernel(keys.get(j), x) - kernel(keys.get(j), y));
                }
                double a = b * top * (0.5 + Math.log(2 * n / delta));
                boolean second = i > 0 && (2 * random.uniform(i / 2) - 1) * a <= alpha;
                sign[i] = second ? -1 : 1;
                sign[i + 1] = -sign[i];
                kept.add(second != other ? y : x);
            }
            return kept;
        }
    }

    @Test
    void halvesBucketsOfManyTilesAsTheDefinitionSays() {
        AttentionInput input = TestInputs.of(9).normal(1, 1, 1, 5, 1024, 6, 3);
        RivalChecks.agrees(Attention.thinformer().oversampling(4).seed(2).build(), input, 3e-6, true,
                (b, h, q, k, v, bias) -> {
                    List<Integer> keys = new ArrayList<>();
                    for (int i = 0; i < 1024; i++) {
                        keys.add(i);
                    }
                    PlainHalving plain = new PlainHalving(k, v, bias, input.scale(), keys);
                    keys = plain.halve(keys, 0.5, false, CounterRandom.of(2).stream(0).stream(0, 0));
                    double[][] result = new double[q.length][];
                    for (int i = 0; i < q.length; i++) {
                        double[] logits = new double[512];
                        double[][] values = new double[512][];
                        for (int s = 0; s < 512; s++) {
                            logits[s] = input.scale() * RivalChecks.dot(q[i], k[keys.get(s)]) + Math.log(2);
                            values[s] = v[keys.get(s)];
                        }
                        result[i] = RivalChecks.softmax(logits, values);
                    }
                    return result;
                });
    }

    @Test
    void isExactWithoutHalving() {
        RivalChecks.isExact(Attention.thinformer().oversampling(3).build(), RivalChecks.rich(2, 31, 83), 3e-6, true);
        RivalChecks.isExact(Attention.thinformer().columns(83).build(), RivalChecks.rich(2, 31, 83), 3e-6, true);
    }

    @Test
    void isCloserThanAUniformSampleOfTheSameSize() {
        AttentionInput input = TestInputs.of(11).normal(1, 1, 1, 200, 4096, 2, 2).withScale(0.1f);
        for (int j = 0; j < 4096; j++) {
            for (int c = 0; c < 2; c++) {
                input.value().matrix(0, 0).set(j, c, (float) Math.sin(input.key().matrix(0, 0).get(j, c)));
            }
        }
        ReferenceAttention exact = ReferenceAttention.of(input);
        double thinned = 0;
        double uniform = 0;
        for (int seed = 0; seed < 10; seed++) {
            RivalChecks.Result a = RivalChecks.run(Attention.thinformer().columns(256).seed(seed).build(), input, 2);
            assertTrue(a.columns() >= 256);
            thinned += exact.spectralError(a.output());
            uniform += exact.spectralError(
                    RivalChecks.run(Attention.uniform().columns(256).seed(seed).build(), input, 2).output());
        }
        assertTrue(thinned < 0.8 * uniform, thinned + " against " + uniform);
    }

    @Test
    void staysFinite() {
        RivalChecks.staysFinite(Attention.thinformer().oversampling(0).build(), true);
    }

    @Test
    void doesNotDependOnThreads() {
        RivalChecks.sameForAnyThreads(Attention.thinformer().build(), true);
    }

    @Test
    void refusesOptionsOutOfRange() {
        assertThrows(IllegalArgumentException.class, () -> Attention.thinformer().oversampling(-1));
        assertThrows(IllegalArgumentException.class, () -> Attention.thinformer().delta(0));
    }
}
