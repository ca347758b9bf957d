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
        assertTrue(mask.hasKeyLengths());
        assertTrue(mask.hasKeyLengths() && mask.isCausal());
        assertEquals(Mask.Causality.LOWER_RIGHT, mask.causality());

        assertFalse(Mask.none().hasKeyLengths() || Mask.none().isCausal());
        assertEquals(10, Mask.none().keyLength(7, 10));
        assertFalse(Mask.none().hasKeyLengths());
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

    /** What a query sees, straight from the words of the documentation. */
    @Test
    void rangesAreWhatTheRulesShow() {
        int[] starts = {1, 4, 4, 9};
        int[] keyStarts = {0, 5, 6, 8};
        int[] first = {3, 0, -5, 7, 2, 2, 2, 2, 2, 2};
        int[] last = {6, 99, 4, 2, 2, 5, 5, 5, 5, 5};
        int n = 10;
        int m = 9;
        for (Mask.Causality rule : Mask.Causality.values()) {
            for (int left : new int[] {0, 2, 100}) {
                for (int parts = 0; parts < 8; parts++) {
                    Mask mask = switch (rule) {
                        case NONE -> Mask.window(left, 1);
                        case LOWER_RIGHT -> Mask.causal().withWindow(left + 1);
                        case UPPER_LEFT -> Mask.causalUpperLeft().withWindow(left + 1);
                        case OFFSET -> Mask.causalAt(-2).withWindow(left + 1);
                    };
                    boolean packed = (parts & 1) != 0;
                    boolean ranged = (parts & 2) != 0;
                    boolean padded = (parts & 4) != 0;
                    mask = packed ? mask.withSequences(starts, keyStarts) : mask;
                    mask = ranged ? mask.withRanges(first, last) : mask;
                    mask = padded ? mask.withKeyLengths(7).withQueryLengths(8) : mask;
                    for (int i = 0; i < n; i++) {
                        for (int j = 0; j < m; j++) {
                            boolean seen = j >= mask.firstKey(0, i, n, m) && j < mask.endKey(0, i, n, m);
                            boolean wanted = packed ? inSequence(rule, left, starts, keyStarts, i, j)
                                    : near(rule, left, i, j, n, m);
                            wanted &= !ranged || j >= first[i] && j <= last[i];
                            wanted &= !padded || j < 7 && i < 8;
                            assertEquals(wanted, seen, mask + " query " + i + " key " + j);
                        }
                    }
                }
            }
        }
    }

    private static boolean inSequence(Mask.Causality rule, int left, int[] starts, int[] keyStarts, int i, int j) {
        for (int s = 0; s + 1 < starts.length; s++) {
            if (i >= starts[s] && i < starts[s + 1]) {
                return j >= keyStarts[s] && j < keyStarts[s + 1] && near(rule, left, i - starts[s], j - keyStarts[s],
                        starts[s + 1] - starts[s], keyStarts[s + 1] - keyStarts[s]);
            }
        }
        return false;
    }

    private static boolean near(Mask.Causality rule, int left, int i, int j, int n, int m) {
        int stands = switch (rule) {
            case NONE, LOWER_RIGHT -> i + m - n;
            case UPPER_LEFT -> i;
            case OFFSET -> i - 2;
        };
        return j >= stands - left && j <= (rule == Mask.Causality.NONE ? stands + 1 : stands);
    }

    @Test
    void badRulesAreNamed() {
        says("left side of the window must not be negative, got -1", () -> Mask.window(-1, 0));
        says("query starts of sequences must ascend, got 3 after 5", () -> Mask.none().withSequences(0, 5, 3));
        says("query starts of sequences must be two or more and not negative, got [0]",
                () -> Mask.none().withSequences(0));
        says("first and last must have the same length, got 1 and 2",
                () -> Mask.none().withRanges(new int[1], new int[2]));
        says("query length of batch item 0 must not be negative, got -4", () -> Mask.none().withQueryLengths(-4));
        says("packed sequences must end within 5 queries and 6 keys, got ends of 6 and 6",
                () -> Mask.none().withSequences(0, 6).check(1, 5, 6));
        says("mask must give a range of keys for each of the 5 queries, got 2",
                () -> Mask.none().withRanges(new int[2], new int[2]).check(1, 5, 6));
    }

    private static void says(String message, Runnable call) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, call::run).getMessage());
    }
}
