package dev.kdeformer.kdeformer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.kdeformer.CausalSplit.Part;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CausalSplitTest {
    private static BlockSampling settings(int block, int samples, int exactBelow) {
        return new BlockSampling(block, samples, 7, 1, KeyWeights.UNIFORM, Draws.STRATIFIED, exactBelow);
    }

    @ParameterizedTest
    @CsvSource({"1,1,0,1", "40,40,0,40", "97,97,0,97", "97,97,0,60", "97,97,0,0", "20,90,70,90", "20,90,70,75",
        "20,90,0,90", "90,20,-70,20", "90,20,0,20", "90,20,0,13", "1,90,89,90", "90,1,0,1"})
    void everyVisiblePairIsInOnePartAndNoOtherInAny(int n, int m, int offset, int keys) {
        CausalSplit split = new CausalSplit(settings(2, 3, 0), n, offset, keys);
        int[][] covered = new int[n][m];
        Set<Integer> indices = new HashSet<>();
        long rows = 0;
        for (List<Part> level : split.levels()) {
            boolean[] seen = new boolean[n];
            for (Part part : level) {
                assertTrue(indices.add(part.index()));
                for (int i = part.queryFrom(); i < part.queryTo(); i++) {
                    assertFalse(seen[i], "query " + i + " is twice in a level");
                    seen[i] = true;
                    rows++;
                    for (int j = part.keyFrom(); j < part.keyTo(); j++) {
                        covered[i][j]++;
                    }
                }
            }
        }
        boolean[] done = new boolean[n];
        long trianglePairs = 0;
        for (Part part : split.triangles()) {
            assertTrue(indices.add(part.index()));
            for (int i = part.queryFrom(); i < part.queryTo(); i++) {
                assertFalse(done[i]);
                done[i] = true;
                rows++;
                for (int j = part.keyFrom(); j < part.keyTo() && j <= i + offset; j++) {
                    covered[i][j]++;
                    trianglePairs++;
                }
            }
        }
        for (int i = 0; i < n; i++) {
            assertTrue(done[i]);
            for (int j = 0; j < m; j++) {
                assertEquals(j < keys && j <= i + offset ? 1 : 0, covered[i][j], "query " + i + ", key " + j);
            }
        }
        assertEquals(rows, split.rows());
        assertEquals(trianglePairs, split.trianglePairs());
    }

    @Test
    void trianglesAreExactUpToTwiceTheBudgetOrTheMinimumLength() {
        assertEquals(1, new CausalSplit(settings(20, 30, 0), 100, 0, 100).triangles().size());
        assertEquals(2, new CausalSplit(settings(20, 30, 0), 102, 0, 102).triangles().size());
        // The rectangle is of 51 keys.
        assertTrue(new CausalSplit(settings(20, 30, 52), 102, 0, 102).isExact());
        assertFalse(new CausalSplit(settings(20, 30, 51), 102, 0, 102).isExact());
    }
}
