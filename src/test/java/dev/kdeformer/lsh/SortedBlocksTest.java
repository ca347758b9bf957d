package dev.kdeformer.lsh;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SortedBlocksTest {
    @Test
    void coversBothOrdersWithoutGapsOrOverlaps() {
        for (int n : new int[] {1, 2, 5, 64, 97, 1000}) {
            for (int m : new int[] {1, 3, 64, 100, 997}) {
                for (int size : new int[] {1, 2, 7, 64, 5000}) {
                    SortedBlocks blocks = SortedBlocks.of(n, m, size);
                    assertEquals(0, blocks.keyFrom(0));
                    assertEquals(0, blocks.queryFrom(0));
                    assertEquals(m, blocks.keyFrom(blocks.count()));
                    assertEquals(n, blocks.queryFrom(blocks.count()));
                    for (int b = 0; b < blocks.count(); b++) {
                        int keys = blocks.keyFrom(b + 1) - blocks.keyFrom(b);
                        assertTrue(keys >= 1 && keys <= size);
                        int queries = blocks.queryFrom(b + 1) - blocks.queryFrom(b);
                        assertTrue(Math.abs(queries - (double) n / blocks.count()) < 1 + 1e-9);
                    }
                }
            }
        }
    }

    @Test
    void asManyBlocksAsTheSizeNeeds() {
        assertEquals(4, SortedBlocks.of(1000, 1000, 250).count());
        assertEquals(5, SortedBlocks.of(1000, 1001, 250).count());
        assertEquals(1, SortedBlocks.of(3, 1, 250).count());
        assertEquals(1, SortedBlocks.of(5, Integer.MAX_VALUE, Integer.MAX_VALUE).count());
    }

    @Test
    void aSingleQuerySitsInTheMiddle() {
        SortedBlocks blocks = SortedBlocks.of(1, 1000, 10);
        assertEquals(0, blocks.queryFrom(49));
        assertEquals(1, blocks.queryFrom(50));
    }
}
