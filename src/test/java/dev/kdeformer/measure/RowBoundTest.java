package dev.kdeformer.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RowBoundTest {
    static List<TestInputs.Case> cases() {
        return Stream.of(TestInputs.all(60), TestInputs.windows(61), TestInputs.combinations(62, 40))
                .flatMap(List::stream).toList();
    }

    private static RowBound bound(int threads, AttentionInput input, Tensor approximate, int near) {
        try (Engine engine = Engine.create(threads)) {
            return RowBound.of(engine, input, approximate, near);
        }
    }

    /** The largest row error and the root mean square of a head. */
    private static RowBound.Head truth(ReferenceAttention reference, AttentionInput input, Tensor approximate, int b,
            int h) {
        double[] exact = reference.output(b, h);
        float[] values = approximate.matrix(b, h).toArray();
        double max = 0;
        double sum = 0;
        for (int i = 0; i < input.queries(); i++) {
            double square = 0;
            for (int at = i * input.dv(); at < (i + 1) * input.dv(); at++) {
                square += (values[at] - exact[at]) * (values[at] - exact[at]);
            }
            max = Math.max(max, Math.sqrt(square));
            sum += square;
        }
        return new RowBound.Head(max, Math.sqrt(sum / input.queries()));
    }

    /** Normal elements, or zeros for size 0, in place of an output. */
    private static Tensor approximate(AttentionInput input, double size) {
        return TestInputs.of(5).tensor(input.outputShape(), size);
    }

    private static void assertHolds(AttentionInput input, int... nears) {
        ReferenceAttention reference = ReferenceAttention.of(input);
        for (double size : new double[] {0, 0.5}) {
            Tensor approximate = approximate(input, size);
            for (int near : nears) {
                RowBound bound = bound(2, input, approximate, near);
                double max = 0;
                for (int b = 0; b < input.batch(); b++) {
                    for (int h = 0; h < input.heads(); h++) {
                        RowBound.Head truth = truth(reference, input, approximate, b, h);
                        RowBound.Head claimed = bound.heads().get(b * input.heads() + h);
                        assertTrue(claimed.maxRow() >= truth.maxRow(), () -> claimed + " of " + truth);
                        assertTrue(claimed.rootMeanSquare() >= truth.rootMeanSquare(), () -> claimed + " of " + truth);
                        max = Math.max(max, claimed.maxRow());
                    }
                }
                assertEquals(max, bound.maxRow());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void holdsForEveryInput(TestInputs.Case test) {
        assertHolds(test.input(), 1, 70);
    }

    @Test
    void holdsWithManyBlocks() {
        AttentionInput input = TestInputs.of(1).normal(1, 2, 1, 150, 1500, 6, 5);
        assertHolds(input, 1, 200, 1000);
        assertHolds(input.withMask(Mask.causal()), 1, 200, 1000);
        assertHolds(input.withMask(Mask.causalUpperLeft().withKeyLengths(900)), 1, 200);
        assertHolds(input.withKeyBias(TestInputs.of(2).hiding(Shape.of(1, 1, 1, 1500), 100, 1400)), 1, 100);
        assertHolds(TestInputs.withLogits(input, 1000), 1, 100);
    }

    /** With every key evaluated nothing is left to bound. */
    @ParameterizedTest
    @MethodSource("cases")
    void isTheErrorItselfWhenAllKeysAreNear(TestInputs.Case test) {
        AttentionInput input = test.input();
        Tensor approximate = approximate(input, 0.5);
        RowBound.Head truth = truth(ReferenceAttention.of(input), input, approximate, 0, 0);
        RowBound.Head claimed = bound(1, input, approximate, Integer.MAX_VALUE).heads().get(0);
        double tolerance = 2e-9 + 1e-13 * TestInputs.largestLogit(input);
        assertEquals(truth.maxRow(), claimed.maxRow(), tolerance * (1 + truth.maxRow()));
        assertEquals(truth.rootMeanSquare(), claimed.rootMeanSquare(), tolerance * (1 + truth.rootMeanSquare()));
    }

    /** Keys in 16 tight clusters that queries see or do not see: few keys prove that the others do not matter. */
    @Test
    void isTightWhereKeysFormClusters() {
        AttentionInput input = TestInputs.of(3).normal(1, 1, 1, 128, 1024, 4, 3).withScale(1);
        for (Tensor tensor : List.of(input.query(), input.key())) {
            Matrix matrix = tensor.matrix(0, 0);
            for (int i = 0; i < matrix.rows(); i++) {
                for (int c = 0; c < 4; c++) {
                    matrix.set(i, c, 0.02f * matrix.get(i, c) + ((i % 16 >> c & 1) == 0 ? -4 : 4));
                }
            }
        }
        ReferenceAttention reference = ReferenceAttention.of(input);
        Tensor approximate = TestInputs.of(0).zeros(input.outputShape());
        for (int at = 0; at < 128 * 3; at++) {
            approximate.matrix(0, 0).set(at / 3, at % 3, (float) reference.output(0, 0)[at]);
        }
        double last = Double.POSITIVE_INFINITY;
        for (int near : new int[] {64, 256, 1024}) {
            double now = bound(1, input, approximate, near).maxRow();
            assertTrue(now <= last);
            last = now;
        }
        assertTrue(bound(1, input, approximate, 64).maxRow() < 1e-4);
        approximate.matrix(0, 0).set(77, 1, approximate.matrix(0, 0).get(77, 1) + 0.25f);
        assertEquals(0.25, bound(1, input, approximate, 64).maxRow(), 1e-4);
    }

    /**
     * One block at (0, 3) with values 0; the other, at (±1, −4), has half of its keys on that side of its ball which
     * the query looks at, values that go with the side, and a part of its logits as bias. The bound is then about twice
     * the error.
     */
    @Test
    void countsKeysAndValuesAtTheEdgeOfTheirBalls() {
        TestInputs make = TestInputs.of(0);
        Tensor query = make.zeros(Shape.of(1, 2));
        query.matrix(0, 0).set(0, 0, 5);
        query.matrix(0, 0).set(0, 1, 1.2f);
        Tensor key = make.zeros(Shape.of(128, 2));
        Tensor value = make.zeros(Shape.of(128, 1));
        Tensor bias = make.zeros(Shape.of(1, 128));
        for (int j = 0; j < 128; j++) {
            boolean far = j % 2 == 0;
            int side = j % 4 == 0 ? 1 : -1;
            key.matrix(0, 0).set(j, 0, far ? side : 0);
            key.matrix(0, 0).set(j, 1, far ? -4 : 3);
            bias.matrix(0, 0).set(0, j, far ? 1.2f : 0);
            value.matrix(0, 0).set(j, 0, far ? side : 0);
        }
        AttentionInput input = AttentionInput.of(query, key, value).withScale(1).withKeyBias(bias);
        Tensor approximate = make.zeros(Shape.of(1, 1));
        double truth = truth(ReferenceAttention.of(input), input, approximate, 0, 0).maxRow();
        double claimed = bound(1, input, approximate, 64).maxRow();
        assertTrue(truth > 0.05 && claimed >= truth && claimed < 2.5 * truth, () -> claimed + " of " + truth);
    }

    /**
     * Early queries see few keys, all of them fewer than near: nothing is left to bound, whatever block they are in.
     */
    @Test
    void onlyVisibleKeysCountAsNear() {
        AttentionInput input = TestInputs.of(11).normal(1, 1, 1, 60, 1000, 3, 2).withMask(Mask.causalUpperLeft());
        Tensor approximate = approximate(input, 0.5);
        RowBound.Head truth = truth(ReferenceAttention.of(input), input, approximate, 0, 0);
        assertEquals(truth.maxRow(), bound(1, input, approximate, 60).maxRow(), 1e-8);
    }

    @Test
    void doesNotDependOnThreads() {
        AttentionInput input = TestInputs.of(4).normal(2, 2, 1, 150, 300, 6, 5);
        Tensor approximate = approximate(input, 1);
        assertEquals(bound(1, input, approximate, 50), bound(7, input, approximate, 50));
    }

    @Test
    void valuesThatAreNotFinite() {
        AttentionInput input = TestInputs.of(4).normal(1, 1, 1, 20, 300, 6, 5);
        Tensor approximate = approximate(input, 1);
        approximate.matrix(0, 0).set(3, 3, Float.NaN);
        assertEquals(Double.POSITIVE_INFINITY, bound(1, input, approximate, 50).maxRow());
        Tensor finite = approximate(input, 1);
        for (Tensor tensor : List.of(input.query(), input.key(), input.value())) {
            float kept = tensor.matrix(0, 0).get(17, 1);
            for (float bad : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
                tensor.matrix(0, 0).set(17, 1, bad);
                assertThrows(IllegalArgumentException.class, () -> bound(1, input, finite, 50));
            }
            tensor.matrix(0, 0).set(17, 1, kept);
        }
        assertTrue(bound(1, input, finite, 50).maxRow() < 100);
        assertThrows(IllegalArgumentException.class, () -> bound(1, input, finite, 0));
        assertThrows(IllegalArgumentException.class,
                () -> bound(1, input, TestInputs.of(0).zeros(Shape.of(20, 6)), 50));
    }
}
