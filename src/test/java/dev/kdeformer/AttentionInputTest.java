package dev.kdeformer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class AttentionInputTest {
    private final Arena arena = Arena.ofConfined();
    private final Tensor query = tensor(2, 6, 5, 16);
    private final Tensor key = tensor(2, 3, 7, 16);
    private final Tensor value = tensor(2, 3, 7, 11);
    private final AttentionInput input = AttentionInput.of(query, key, value);

    @AfterEach
    void free() {
        arena.close();
    }

    private Tensor tensor(int batch, int heads, int rows, int columns) {
        return Tensor.allocate(arena, Shape.of(batch, heads, rows, columns));
    }

    @Test
    void tellsItsSizes() {
        assertEquals(2, input.batch());
        assertEquals(6, input.heads());
        assertEquals(3, input.kvHeads());
        assertEquals(2, input.groupSize());
        assertEquals(5, input.queries());
        assertEquals(7, input.keys());
        assertEquals(16, input.d());
        assertEquals(11, input.dv());
        assertEquals(Shape.of(2, 6, 5, 11), input.outputShape());
        assertEquals(0.25f, input.scale());
        assertEquals(Mask.none(), input.mask());
        assertNull(input.keyBias());
        assertSame(query, input.query());
        assertSame(key, input.key());
        assertSame(value, input.value());
    }

    @Test
    void refusesShapesThatDoNotFit() {
        refused("must have the same batch size, got (2, 6, 5, 16), (1, 3, 7, 16) and (2, 3, 7, 11)",
                () -> AttentionInput.of(query, tensor(1, 3, 7, 16), value));
        refused("must have the same batch size", () -> AttentionInput.of(query, key, tensor(1, 3, 7, 11)));
        refused("must have the same batch size", () -> AttentionInput.of(tensor(1, 6, 5, 16), key, value));
        refused("query and key must have the same number of columns, got (2, 6, 5, 16) and (2, 3, 7, 15)",
                () -> AttentionInput.of(query, tensor(2, 3, 7, 15), value));
        refused("key and value must have the same heads and rows, got (2, 3, 7, 16) and (2, 3, 8, 11)",
                () -> AttentionInput.of(query, key, tensor(2, 3, 8, 11)));
        refused("key and value must have the same heads and rows",
                () -> AttentionInput.of(query, key, tensor(2, 6, 7, 11)));
        refused("must be a multiple of the number of key heads, got 6 and 4",
                () -> AttentionInput.of(query, tensor(2, 4, 7, 16), tensor(2, 4, 7, 11)));
        refused("must be a multiple of the number of key heads, got 6 and 12",
                () -> AttentionInput.of(query, tensor(2, 12, 7, 16), tensor(2, 12, 7, 11)));
        assertThrows(NullPointerException.class, () -> AttentionInput.of(null, key, value));
        assertThrows(NullPointerException.class, () -> AttentionInput.of(query, null, value));
        assertThrows(NullPointerException.class, () -> AttentionInput.of(query, key, null));
    }

    @Test
    void changesMakeNewInputsThatKeepTheRest() {
        Tensor bias = tensor(1, 3, 1, 7);
        Mask mask = Mask.causal().withKeyLengths(7, 0);
        AttentionInput all = input.withScale(-2).withMask(mask).withKeyBias(bias);
        for (AttentionInput changed : new AttentionInput[] {all,
            input.withKeyBias(bias).withMask(mask).withScale(-2),
            input.withMask(mask).withKeyBias(bias).withScale(-2)}) {
            assertEquals(-2, changed.scale());
            assertEquals(mask, changed.mask());
            assertSame(bias, changed.keyBias());
            assertSame(query, changed.query());
            assertSame(key, changed.key());
            assertSame(value, changed.value());
        }
        assertEquals(0.25f, input.scale());
        assertEquals(Mask.none(), input.mask());
        assertNull(input.keyBias());
    }

    @Test
    void refusesScalesThatAreNotFinite() {
        for (float scale : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            refused("scale must be finite, got " + scale, () -> input.withScale(scale));
        }
        assertEquals(0, input.withScale(0).scale());
    }

    @Test
    void refusesMasksThatDoNotFit() {
        refused("mask must give a key length for each of the 2 batch items, got 1",
                () -> input.withMask(Mask.none().withKeyLengths(7)));
        refused("each of the 2 batch items, got 3", () -> input.withMask(Mask.none().withKeyLengths(7, 7, 7)));
        refused("each of the 2 batch items, got 0", () -> input.withMask(Mask.none().withKeyLengths()));
        refused("key length of batch item 1 must be at most 7, got 8",
                () -> input.withMask(Mask.causal().withKeyLengths(7, 8)));
        assertThrows(NullPointerException.class, () -> input.withMask(null));
    }

    @Test
    void refusesBiasesThatDoNotFit() {
        for (int[] s : new int[][] {{2, 3, 1, 7}, {1, 3, 1, 7}, {2, 1, 1, 7}, {1, 1, 1, 7}}) {
            Tensor bias = tensor(s[0], s[1], s[2], s[3]);
            assertSame(bias, input.withKeyBias(bias).keyBias());
        }
        for (int[] s : new int[][] {{3, 3, 1, 7}, {2, 2, 1, 7}, {2, 6, 1, 7}, {2, 3, 5, 7}, {2, 3, 1, 6},
            {2, 3, 7, 1}}) {
            Tensor bias = tensor(s[0], s[1], s[2], s[3]);
            refused("key bias must have shape (2 or 1, 3 or 1, 1, 7), got " + bias.shape(),
                    () -> input.withKeyBias(bias));
        }
        assertThrows(NullPointerException.class, () -> input.withKeyBias(null));
    }

    private static void refused(String fragment, Executable call) {
        String message = assertThrows(IllegalArgumentException.class, call).getMessage();
        assertTrue(message.contains(fragment), message);
    }
}
