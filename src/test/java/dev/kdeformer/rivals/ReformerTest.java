package dev.kdeformer.rivals;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ReformerTest {
    @Test
    void attendsTwoChunksInEveryRound() {
        AttentionInput input = RivalChecks.rich(1, 31, 83);
        // 78 or 69 visible keys in chunks of 9 are 9 or 8 chunks: 10 or 8 buckets.
        RivalChecks.agrees(Attention.reformer().chunk(9).rounds(3).seed(5).build(), input, 3e-6, true,
                (b, h, q, k, v, bias) -> plain(input, b, h, new RivalChecks.Plain.Head(q, k, v, bias), 9, 3,
                        new int[] {b == 0 ? 10 : 8, 1}));
    }

    @Test
    void multipliesTwoHashesWhereThereAreManyBuckets() {
        AttentionInput input = RivalChecks.rich(2, 31, 83);
        // 70 buckets are more than 64: ⌈√70⌉ = 9 made even, times ⌈70 / 10⌉ = 7 made even.
        RivalChecks.agrees(Attention.reformer().chunk(5).rounds(2).buckets(70).seed(5).build(), input, 3e-6, true,
                (b, h, q, k, v, bias) -> plain(input, b, h, new RivalChecks.Plain.Head(q, k, v, bias), 5, 2,
                        new int[] {10, 8}));
    }

    private static int[] sorted(int[] rows, double[][] x, int[] factors, CounterRandom random) {
        int d = x[0].length;
        int[] bucket = new int[x.length];
        for (int i = 0; i < x.length; i++) {
            int direction = 0;
            for (int factor : factors) {
                double[] products = new double[factor];
                for (int f = 0; f < factor / 2; f++, direction++) {
                    for (int c = 0; c < d; c++) {
                        products[f] += (float) random.gaussian((long) direction * d + c) * x[i][c];
                    }
                    products[factor / 2 + f] = -products[f];
                }
                int best = 0;
                for (int f = 1; f < factor; f++) {
                    best = products[f] > products[best] ? f : best;
                }
                bucket[i] = bucket[i] * factor + best;
            }
        }
        return Arrays.stream(rows).boxed().sorted(Comparator.comparingInt(i -> bucket[i])).mapToInt(i -> i).toArray();
    }

    private static double[][] plain(AttentionInput input, int b, int h, RivalChecks.Plain.Head head,
            int chunk, int rounds, int[] factors) {
        double[][] q = head.q();
        double[][] k = head.k();
        double[][] v = head.v();
        double[] bias = head.bias();
        CounterRandom random = CounterRandom.of(5).stream(b * input.kvHeads() + h / input.groupSize());
        int[] visible = RivalChecks.visible(bias);
        int chunks = Math.ceilDiv(visible.length, chunk);
        double[][] sums = new double[q.length][v[0].length + 1];
        for (int round = 0; round < rounds; round++) {
            int[] keys = sorted(visible, k, factors, random.stream(round));
            int[] rows = sorted(IntStream.range(0, q.length).toArray(), q, factors, random.stream(round));
            for (int position = 0; position < rows.length; position++) {
                int own = 0;
                while (position >= Math.floorDiv(2 * q.length * (own + 1) + chunks, 2 * chunks)) {
                    own++;
                }
                Set<Integer> seen = new LinkedHashSet<>();
                for (int part : new int[] {(own + chunks - 1) % chunks, own}) {
                    for (int at = keys.length * part / chunks; at < keys.length * (part + 1) / chunks; at++) {
                        seen.add(keys[at]);
                    }
                }
                double[] row = sums[rows[position]];
                for (int j : seen) {
                    double a = Math.exp(input.scale() * RivalChecks.dot(q[rows[position]], k[j]) + bias[j]);
                    for (int c = 0; c < v[j].length; c++) {
                        row[c] += a * v[j][c];
                    }
                    row[v[j].length] += a;
                }
            }
        }
        for (double[] row : sums) {
            for (int c = 0; c < row.length - 1; c++) {
                row[c] /= row[row.length - 1];
            }
            row[row.length - 1] = Math.log(row[row.length - 1] / rounds);
        }
        return sums;
    }

    @Test
    void isExactWhenOneChunkHoldsAllKeys() {
        RivalChecks.isExact(Attention.reformer().chunk(83).build(), RivalChecks.rich(3, 31, 83), 3e-6, true);
        // Two chunks are all keys as well.
        RivalChecks.isExact(Attention.reformer().chunk(42).build(), RivalChecks.rich(3, 31, 83), 3e-6, true);
    }

    @Test
    void findsSharedQueriesAndKeysAndNeverMoreThanThereIs() {
        AttentionInput normal = TestInputs.of(4).normal(1, 1, 1, 400, 400, 16, 8);
        AttentionInput input = AttentionInput.of(normal.key(), normal.key(), normal.value()).withScale(1);
        ReferenceAttention exact = ReferenceAttention.of(input);
        RivalChecks.Result result = RivalChecks.run(Attention.reformer().chunk(32).build(), input, 2);
        double error = exact.spectralError(result.output());
        double uniform = exact.spectralError(
                RivalChecks.run(Attention.uniform().samples(320).build(), input, 2).output());
        // Every query finds itself, which with this scale is most of the weight of most, in 8 rounds of 61 keys.
        assertTrue(error < 0.5 * uniform, error + " against " + uniform);
        for (int i = 0; i < 400; i++) {
            assertTrue(result.sum(0, 0, i) <= exact.logSumExp(0, 0)[i] + 1e-4);
        }
    }

    @Test
    void staysFinite() {
        RivalChecks.staysFinite(Attention.reformer().chunk(10).rounds(2).build(), true);
    }

    @Test
    void doesNotDependOnThreads() {
        RivalChecks.sameForAnyThreads(Attention.reformer().rounds(3).build(), true);
    }

    @Test
    void splitsTheColumnsOverTheRounds() {
        assertEquals(16, Attention.reformer().columns(256).build().parameters().get("chunk"));
        assertEquals(32, Attention.reformer().columns(256).rounds(4).build().parameters().get("chunk"));
    }

    @Test
    void refusesOptionsOutOfRange() {
        assertThrows(IllegalArgumentException.class, () -> Attention.reformer().chunk(0));
        assertThrows(IllegalArgumentException.class, () -> Attention.reformer().buckets(7));
        assertThrows(IllegalArgumentException.class, () -> Attention.reformer().rounds(0));
    }
}
