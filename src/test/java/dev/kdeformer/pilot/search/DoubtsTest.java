package dev.kdeformer.pilot.search;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.junit.jupiter.api.Test;

class DoubtsTest {
    private static Doubts of(float... doubts) {
        Doubts all = new Doubts(doubts.length);
        for (int i = 0; i < doubts.length; i++) {
            all.note(i, doubts[i]);
        }
        return all;
    }

    @Test
    void theLargestInOrderOfPosition() {
        Doubts doubts = of(3, 1, 4, 1, 5, 9, 2, 6);
        assertArrayEquals(new int[] {4, 5, 7}, doubts.largest(3, null));
        assertArrayEquals(new int[0], doubts.largest(0, null));
        assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5, 6, 7}, doubts.largest(100, null));
    }

    @Test
    void onlyAmongTheMarked() {
        boolean[] marks = {true, true, false, true, false, false, true, false};
        assertArrayEquals(new int[] {0, 6}, of(3, 1, 4, 1, 5, 9, 2, 6).largest(2, marks));
        assertArrayEquals(new int[] {0, 1, 3, 6}, of(3, 1, 4, 1, 5, 9, 2, 6).largest(9, marks));
    }

    @Test
    void ofEqualOnesTheFirst() {
        assertArrayEquals(new int[] {0, 1, 4}, of(2, 2, 2, 2, 7).largest(3, null));
        assertArrayEquals(new int[] {0, 1}, of(0, 0, 0).largest(2, null));
    }
}
