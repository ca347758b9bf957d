package dev.kdeformer.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.InputFeature;
import dev.kdeformer.Mask;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Packed sequences of approximate methods have the bits of calls on each of them. */
class SequencesTest {
    private static final Engine ENGINE = Engine.create(2);
    private static final int N = 1530;
    private static final int M = 1660;
    /** Among them one that is empty, one of a few rows, one without keys, and rows that belong to none. */
    private static final int[] QUERIES = {4, 700, 700, 707, 720, 1500};
    private static final int[] KEYS = {0, 800, 805, 811, 811, 1650};

    private final TestInputs make = TestInputs.of(31);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    static List<AttentionMethod> methods() {
        return List.of(Attention.kdeformer().blockSize(32).samples(40).build(),
                Attention.hyper().blockSize(32).samples(40).build(), Attention.pilot().near(64).build(),
                Attention.pilot().near(64).unbiased(16).build(),
                Attention.pilot().budget(ErrorBudget.relativeSpectral(0.1)).build(), Attention.auto().build(),
                Attention.mean().build(), Attention.uniform().samples(50).build(), Attention.thinformer().build(),
                Attention.wildcat().build(), Attention.performer().build(), Attention.reformer().build(),
                Attention.nystrom().build(), Attention.scatterbrain().build());
    }

    /** What a method may be given for its log-sum-exps. */
    static Tensor sums(AttentionMethod method, Tensor sums) {
        return method.name().equals("nystrom") ? null : sums;
    }

    private static Mask mask(AttentionMethod method, int number) {
        boolean causal = number == 1 && method.takes().contains(InputFeature.CAUSAL)
                && !method.parameters().getOrDefault("unbiased", 0).equals(16);
        return causal ? Mask.causal() : Mask.none();
    }

    @ParameterizedTest
    @MethodSource("methods")
    void bitsAreThoseOfEach(AttentionMethod method) {
        for (int number = 0; number < 3; number++) {
            Mask mask = mask(method, number);
            AttentionInput all = make.normal(2, 2, 1, N, M, 16, 8).withScale(0.4f);
            Tensor bias = number == 2 ? make.hiding(Shape.of(1, 1, 1, M), 100, 200) : null;
            AttentionInput packed = bias == null ? all : all.withKeyBias(bias);
            int[] lengths = {900, M};
            Mask inside = mask.withSequences(QUERIES, KEYS);
            packed = packed.withMask(number == 2 ? inside.withKeyLengths(lengths) : inside);
            Tensor output = make.tensor(all.outputShape(), 1);
            Tensor sums = sums(method, make.tensor(all.outputShape().withColumns(1), 1));
            AttentionMethod.Statistics done = method.apply(ENGINE, packed, output, sums);
            assertTrue(method.name().equals("auto") || done.note().endsWith("5 packed sequences, each computed by"
                    + " itself"), done.note());
            double columns = 0;
            for (int s = 0; s + 1 < QUERIES.length; s++) {
                int queries = QUERIES[s + 1] - QUERIES[s];
                int first = KEYS[s];
                int keys = KEYS[s + 1] - first;
                AttentionInput one = AttentionInput.of(all.query().rows(QUERIES[s], queries),
                        all.key().rows(first, keys), all.value().rows(first, keys)).withScale(0.4f);
                if (number == 2) {
                    float[] own = new float[keys];
                    bias.matrix(0, 0).readPart(0, first, keys, own, 0);
                    one = one.withKeyBias(Tensor.copyOf(Arena.ofAuto(), Shape.of(1, 1, 1, keys), own));
                    one = one.withMask(mask.withKeyLengths(IntStream.of(lengths)
                            .map(length -> Math.max(0, Math.min(keys, length - first))).toArray()));
                } else {
                    one = one.withMask(mask);
                }
                Tensor alone = make.zeros(one.outputShape());
                Tensor aloneSums = sums(method, make.zeros(one.outputShape().withColumns(1)));
                columns += method.apply(ENGINE, one, alone, aloneSums).columns() * queries / N;
                if (method.name().equals("auto")) {
                    continue;
                }
                assertArrayEquals(alone.toArray(), output.rows(QUERIES[s], queries).toArray(), number + ": " + s);
                assertArrayEquals(aloneSums == null ? null : aloneSums.toArray(),
                        sums == null ? null : sums.rows(QUERIES[s], queries).toArray(), number + ": " + s);
            }
            assertEquals(columns, done.columns(), 1e-9 * columns);
            for (int[] gap : new int[][] {{0, 4}, {1500, 30}}) {
                for (float each : output.rows(gap[0], gap[1]).toArray()) {
                    assertEquals(0, each);
                }
                for (float each : sums == null ? new float[0] : sums.rows(gap[0], gap[1]).toArray()) {
                    assertEquals(Float.NEGATIVE_INFINITY, each);
                }
            }
        }
    }

    @Test
    void nothingIsWrittenWhereALaterSequenceIsRefused() {
        AttentionInput input = make.normal(1, 1, 1, 40, 40, 4, 4).withMask(Mask.none().withSequences(0, 20, 40));
        input.value().matrix(0, 0).set(30, 2, Float.NaN);
        Tensor output = make.tensor(input.outputShape(), 1);
        float[] before = output.toArray();
        for (AttentionMethod method : methods()) {
            assertThrows(IllegalArgumentException.class, () -> method.apply(ENGINE, input, output));
            assertArrayEquals(before, output.toArray());
        }
    }

    @Test
    void partsTakeNone() {
        AttentionInput input = make.normal(1, 1, 1, 40, 40, 4, 4).withMask(Mask.none().withSequences(0, 20, 40));
        for (Mask mask : List.of(input.mask(), Mask.none().withQueryLengths(39), Mask.causal().withWindow(3))) {
            assertEquals("parts, plans and calibrations take no packed sequences, padded queries and windows, got "
                    + mask, assertThrows(IllegalArgumentException.class,
                            () -> Attention.pilot().near(8).build().part(0, 2).apply(ENGINE, input.withMask(mask),
                                    make.zeros(input.outputShape()), null)).getMessage());
        }
    }

    @Test
    void estimatesAddUp() {
        AttentionInput all = make.normal(1, 1, 1, 3000, 3000, 8, 8);
        for (AttentionMethod method : methods().subList(0, 4)) {
            Estimate first = method.estimate(AttentionInput.of(all.query().rows(0, 1000), all.key().rows(0, 1000),
                    all.value().rows(0, 1000)), 2);
            Estimate second = method.estimate(AttentionInput.of(all.query().rows(0, 2000), all.key().rows(0, 2000),
                    all.value().rows(0, 2000)), 2);
            Estimate both = method.estimate(all.withMask(Mask.none().withSequences(0, 1000, 3000)), 2);
            assertEquals(first.operations() + second.operations(), both.operations(), 1);
            assertEquals(Math.max(first.scratchBytes(), second.scratchBytes()), both.scratchBytes());
        }
    }
}
