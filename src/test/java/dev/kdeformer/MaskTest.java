package dev.kdeformer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class MaskTest {
    @Test
    void causalRulesAreThosePictured() {
        assertEquals("1110 1111", picture(Mask.causal(), 2, 4));
        assertEquals("1000 1100", picture(Mask.causalUpperLeft(), 2, 4));
        assertEquals("1111 1111", picture(Mask.none(), 2, 4));
        assertEquals("00 00 10 11", picture(Mask.causal(), 4, 2));
        assertEquals("10 11 11 11", picture(Mask.causalUpperLeft(), 4, 2));
        assertEquals(picture(Mask.causal(), 3, 3), picture(Mask.causalUpperLeft(), 3, 3));
    }

    @Test
    void aWindowLeavesTheLastKeys() {
        assertEquals("0110 0011", picture(Mask.causal().withWindow(2), 2, 4));
        assertEquals("1000 1100", picture(Mask.causalUpperLeft().withWindow(2), 2, 4));
        assertEquals("00 00 10 01", picture(Mask.causal().withWindow(1), 4, 2));
        assertEquals("10 11 01 00", picture(Mask.causalUpperLeft().withWindow(2), 4, 2));
        assertEquals(picture(Mask.causal(), 5, 3), picture(Mask.causal().withWindow(3), 5, 3));
        Mask mask = Mask.causal().withWindow(7).withKeyLengths(4);
        assertTrue(mask.hasWindow());
        assertEquals(7, mask.window());
        assertEquals(4, mask.keyLength(0, 9));
        assertEquals(mask, Mask.causal().withKeyLengths(4).withWindow(7));
        assertFalse(Mask.causal().hasWindow());
        assertEquals(Integer.MAX_VALUE, Mask.none().window());
        assertEquals(-100, Mask.causalUpperLeft().withWindow(Integer.MAX_VALUE - 1).windowOffset(100, 5));
        assertEquals("a sliding window needs a causal mask, got Mask[NONE]", assertThrows(
                IllegalArgumentException.class, () -> Mask.none().withWindow(3)).getMessage());
        assertEquals("window must be at least 1 key, got 0", assertThrows(
                IllegalArgumentException.class, () -> Mask.causal().withWindow(0)).getMessage());
    }

    private static String picture(Mask mask, int n, int m) {
        StringBuilder picture = new StringBuilder();
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < m; j++) {
                picture.append(j <= (long) i + mask.causalOffset(n, m) && j >= (long) i + mask.windowOffset(n, m)
                        ? '1' : '0');
            }
            picture.append(' ');
        }
        return picture.toString().strip();
    }

    @Test
    void keyLengthsAreKeptBesideTheCausalRule() {
        int[] lengths = {3, 0};
        Mask mask = Mask.causal().withKeyLengths(lengths);
        lengths[0] = 99;
        assertEquals(3, mask.keyLength(0, 10));
        assertEquals(0, mask.keyLength(1, 10));
        assertEquals(2, mask.lengthCount());
        assertTrue(mask.hasKeyLengths() && mask.isCausal());
        assertEquals(Mask.Causality.LOWER_RIGHT, mask.causality());

        assertFalse(Mask.none().hasKeyLengths() || Mask.none().isCausal());
        assertEquals(10, Mask.none().keyLength(7, 10));
        assertEquals(0, Mask.none().lengthCount());
        assertEquals("key length of batch item 1 must not be negative, got -4", assertThrows(
                IllegalArgumentException.class, () -> Mask.none().withKeyLengths(2, -4)).getMessage());
        assertThrows(NullPointerException.class, () -> Mask.none().withKeyLengths((int[]) null));
    }

    @Test
    void isAValue() {
        assertEquals(Mask.causal(), Mask.causal());
        assertEquals(Mask.causal().hashCode(), Mask.causal().hashCode());
        assertEquals(Mask.none().withKeyLengths(1, 2), Mask.none().withKeyLengths(1, 2));
        assertEquals(Mask.none().withKeyLengths(1, 2).hashCode(), Mask.none().withKeyLengths(1, 2).hashCode());
        assertNotEquals(Mask.none().withKeyLengths(1, 2), Mask.none().withKeyLengths(2, 1));
        assertNotEquals(Mask.none().withKeyLengths(1, 2), Mask.causal().withKeyLengths(1, 2));
        assertNotEquals(Mask.none().withKeyLengths(), Mask.none());
        assertNotEquals(Mask.causal(), Mask.causalUpperLeft());
        assertEquals(Mask.causal().withWindow(3), Mask.causal().withWindow(3));
        assertEquals(Mask.causal().withWindow(3).hashCode(), Mask.causal().withWindow(3).hashCode());
        assertNotEquals(Mask.causal().withWindow(3), Mask.causal().withWindow(4));
        assertNotEquals(Mask.causal().withWindow(3), Mask.causal());
        assertEquals("Mask[LOWER_RIGHT, window=3]", Mask.causal().withWindow(3).toString());
        assertEquals("Mask[UPPER_LEFT]", Mask.causalUpperLeft().toString());
        assertEquals("Mask[NONE, keyLengths=[1, 2]]", Mask.none().withKeyLengths(1, 2).toString());
    }
}
