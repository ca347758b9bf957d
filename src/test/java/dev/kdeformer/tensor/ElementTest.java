package dev.kdeformer.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.Mask;
import dev.kdeformer.PairBias;
import dev.kdeformer.io.Npy;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tensors of half precision, bfloat16 and booleans. */
class ElementTest {
    private static final Engine ENGINE = Engine.create(2);
    private final Arena arena = Arena.ofAuto();
    private final TestInputs make = TestInputs.of(6);

    @TempDir
    private Path folder;

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    /** The same elements rounded, row-major, or with one row of another tensor between each two. */
    private Tensor rounded(Tensor tensor, Element element, boolean strided) {
        Shape s = tensor.shape();
        Tensor copy = strided ? Tensor.of(arena.allocate(s.elements() * 4 * element.bytes()), s,
                (long) s.heads() * s.rows() * s.columns() * 2, s.columns(), (long) s.heads() * s.columns() * 2, 1,
                element) : Tensor.allocate(arena, s, element);
        for (int b = 0; b < s.batch(); b++) {
            for (int h = 0; h < s.heads(); h++) {
                copyHead(tensor.matrix(b, h), copy.matrix(b, h));
            }
        }
        return copy;
    }

    private static void copyHead(Matrix from, Matrix to) {
        for (int i = 0; i < from.rows(); i++) {
            for (int c = 0; c < from.columns(); c++) {
                to.set(i, c, from.get(i, c));
            }
        }
    }

    private Tensor floats(Tensor tensor) {
        return Tensor.copyOf(arena, tensor.shape(), tensor.toArray());
    }

    @ParameterizedTest
    @EnumSource(value = Element.class, names = {"FLOAT16", "BFLOAT16"})
    void everyElementIsTheNearest(Element element) {
        int mantissa = element == Element.FLOAT16 ? 11 : 8;
        Tensor tensor = Tensor.allocate(arena, Shape.of(1, 1), element);
        Matrix matrix = tensor.matrix(0, 0);
        for (int bits = 0; bits < 1 << 16; bits++) {
            tensor.segment().set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, (short) bits);
            float x = matrix.get(0, 0);
            matrix.set(0, 0, x);
            float again = matrix.get(0, 0);
            assertEquals(x, again);
            if (Float.isNaN(x) || !(Math.abs(x) > 1e-4 && Math.abs(x) < 6e4)) {
                continue;
            }
            float step = Math.scalb(1f, Math.getExponent(x) + 1 - mantissa);
            for (float off : new float[] {0.49f, -0.24f, 0.24f}) {
                matrix.set(0, 0, x + Math.signum(x) * off * step); // away from zero neighbours are no nearer
                assertEquals(x, matrix.get(0, 0), "near " + x);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Element.class, names = {"FLOAT16", "BFLOAT16"})
    void methodsReadAndWriteThem(Element element) {
        AttentionInput input = make.normal(2, 4, 2, 150, 4500, 20, 12).withMask(Mask.none().withKeyLengths(4200, 4400));
        List<AttentionMethod> methods = List.of(Attention.exact().build(), Attention.kdeformer().build(),
                Attention.hyper().build(), Attention.pilot().build(), Attention.mean().build());
        for (boolean strided : new boolean[] {false, true}) {
            Tensor q = rounded(input.query(), element, strided);
            Tensor k = rounded(input.key(), element, strided);
            Tensor v = rounded(input.value(), element, strided);
            for (AttentionMethod method : methods) {
                Tensor expected = make.zeros(input.outputShape());
                Tensor sums = make.zeros(input.outputShape().withColumns(1));
                method.apply(ENGINE, AttentionInput.of(floats(q), floats(k), floats(v)).withMask(input.mask()),
                        expected, sums);
                Tensor output = rounded(make.zeros(input.outputShape()), element, strided);
                Tensor otherSums = make.zeros(sums.shape());
                method.apply(ENGINE, AttentionInput.of(q, k, v).withMask(input.mask()), output, otherSums);
                assertArrayEquals(rounded(expected, element, false).toArray(), output.toArray(), method.name());
                assertArrayEquals(sums.toArray(), otherSums.toArray(), method.name());
            }
        }
    }

    @Test
    void theGradientTakesThem() {
        AttentionInput input = make.normal(1, 2, 1, 70, 90, 7, 5);
        Tensor q = rounded(input.query(), Element.BFLOAT16, true);
        Tensor k = rounded(input.key(), Element.BFLOAT16, true);
        Tensor v = rounded(input.value(), Element.BFLOAT16, true);
        Tensor gradient = rounded(make.tensor(input.outputShape(), 1), Element.BFLOAT16, false);
        AttentionInput floats = AttentionInput.of(floats(q), floats(k), floats(v));
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        Attention.exact().build().apply(ENGINE, floats, output, sums);
        Tensor[] expected = {make.zeros(q.shape()), make.zeros(k.shape()), make.zeros(v.shape())};
        Attention.exactGradient().build().apply(ENGINE, floats, output, sums, floats(gradient),
                new InputGradients(expected[0], expected[1], expected[2]));
        Tensor[] actual = {Tensor.allocate(arena, q.shape(), Element.BFLOAT16),
            Tensor.allocate(arena, k.shape(), Element.BFLOAT16), Tensor.allocate(arena, v.shape(), Element.BFLOAT16)};
        Attention.exactGradient().build().apply(ENGINE, AttentionInput.of(q, k, v), output, sums, gradient,
                new InputGradients(actual[0], actual[1], actual[2]));
        for (int i = 0; i < 3; i++) {
            assertArrayEquals(rounded(expected[i], Element.BFLOAT16, false).toArray(), actual[i].toArray());
        }
    }

    @Test
    void booleansHideWhereTheyAreFalse() {
        AttentionInput input = make.normal(1, 2, 2, 33, 50, 6, 4);
        Tensor mask = Tensor.allocate(arena, Shape.of(1, 2, 33, 50), Element.BOOL);
        Tensor bias = make.zeros(mask.shape());
        for (int h = 0; h < 2; h++) {
            for (int i = 0; i < 33; i++) {
                for (int j = 0; j < 50; j++) {
                    boolean seen = (i * 7 + j * 3 + h) % 5 != 0 && i != 8;
                    mask.segment().set(ValueLayout.JAVA_BYTE, (h * 33 + i) * 50 + j, (byte) (seen ? j % 2 - 2 : 0));
                    bias.matrix(0, h).set(i, j, seen ? 0 : Float.NEGATIVE_INFINITY);
                }
            }
        }
        Tensor output = make.zeros(input.outputShape());
        Attention.exact().build().apply(ENGINE, input.withPairBias(PairBias.of(mask)), output);
        ReferenceAttention reference = ReferenceAttention.of(input.withPairBias(PairBias.of(bias)));
        assertTrue(reference.maxDifference(output) < 1e-5);
    }

    @Test
    void otherwiseBooleansAreRefused() {
        AttentionInput input = make.normal(1, 1, 1, 5, 6, 4, 4);
        Tensor booleans = Tensor.allocate(arena, Shape.of(5, 4), Element.BOOL);
        Tensor output = make.zeros(input.outputShape());
        says("query must be of numbers, got BOOL", () -> Attention.exact().build().apply(ENGINE,
                AttentionInput.of(booleans, input.key(), input.value()), output));
        says("output must be of numbers, got BOOL", () -> Attention.exact().build().apply(ENGINE, input, booleans));
        says("key bias must be of numbers, got BOOL", () -> Attention.exact().build().apply(ENGINE,
                input.withKeyBias(Tensor.allocate(arena, Shape.of(1, 6), Element.BOOL)), output));
        says("parts of the pair bias must be of numbers, got BOOL", () -> input.withPairBias(PairBias.decomposed(
                Tensor.allocate(arena, Shape.of(5, 2), Element.BOOL), make.zeros(Shape.of(5, 3)))));
        says("logSumExp must be of FLOAT32, got FLOAT16", () -> Attention.exact().build().apply(ENGINE, input, output,
                Tensor.allocate(arena, Shape.of(5, 1), Element.FLOAT16)));
    }

    private static void says(String message, Runnable call) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, call::run).getMessage());
    }

    @Test
    void memoryIsCountedInElements() {
        assertEquals("segment must have at least 48 bytes for shape (1, 1, 4, 6) with strides (24, 24, 6, 1), got 47",
                assertThrows(IllegalArgumentException.class, () -> Tensor.of(arena.allocate(47), Shape.of(4, 6),
                        Element.FLOAT16)).getMessage());
        Tensor tensor = rounded(make.tensor(Shape.of(2, 3, 4, 5), 1), Element.BFLOAT16, false);
        assertArrayEquals(tensor.matrix(1, 2).toArray(), tensor.head(1, 2).toArray());
        assertEquals(tensor.matrix(1, 0).get(2, 3), tensor.rows(1, 3).matrix(1, 0).get(1, 3));
        assertEquals(Element.BFLOAT16, tensor.rows(1, 2).head(0, 1).element());
    }

    @Test
    void theyGoToScratchMemoryAndFilesAsFloats() throws IOException {
        Tensor tensor = rounded(make.tensor(Shape.of(9, 20), 1), Element.FLOAT16, false);
        try (Scratch scratch = new Scratch()) {
            long address = scratch.floats(9 * 20);
            tensor.matrix(0, 0).readRows(0, 9, address, 20);
            for (int i = 0; i < 9 * 20; i++) {
                assertEquals(tensor.toArray()[i], Memory.getFloat(address + i * 4L));
            }
        }
        Path file = folder.resolve("half.npy");
        Npy.write(file, tensor);
        assertArrayEquals(tensor.toArray(), Npy.read(file, arena).toArray());
    }
}
