package dev.kdeformer.pilot.walk;

import static dev.kdeformer.pilot.keys.RandomKeys.GROUPS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.pilot.keys.Candidates;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.RandomKeys;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.tile.Fold;
import dev.kdeformer.pilot.tile.FoldBlock;
import dev.kdeformer.pilot.tile.FoldKernel;
import dev.kdeformer.pilot.tile.NodeScratch;
import dev.kdeformer.runtime.Scratch;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SiblingFoldTest {
    private final Scratch scratch = new Scratch();
    private final SplittableRandom random = new SplittableRandom(1);
    private final RandomKeys make = new RandomKeys(scratch, random);

    @AfterEach
    void close() {
        scratch.close();
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1, 1", "7, 3, 5, 2", "97, 16, 16, 3", "300, 33, 40, 4", "1009, 100, 17, 8",
        "517, 256, 33, 6", "260, 20, 7, 5"})
    void everyNodeHasTheMeansOfWhatItFolds(int count, int d, int dv, int nodes) {
        KeyGroups keys = make.keys(count, d, dv);
        int[] some = IntStream.range(0, count).filter(j -> j % 5 != 1).toArray();
        Candidates list = list(some, keys, d);
        SiblingFold siblings = new SiblingFold();
        WalkNode[] all = IntStream.range(0, nodes).mapToObj(i -> node(keys, list)).toArray(WalkNode[]::new);
        siblings.begin();
        Arrays.stream(all).forEach(siblings::add);
        siblings.run(keys, list);
        for (WalkNode node : all) {
            check(keys, list, node);
            Fold together = copy(node.fold, keys);
            siblings.begin();
            siblings.add(node);
            siblings.run(keys, list);
            assertArrayEquals(together.keys(), node.fold.keys(), "the same whether alone or together");
            assertArrayEquals(together.squares(), node.fold.squares());
            assertArrayEquals(together.values(), node.fold.values());
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "5, 16, 4", "128, 100, 4", "77, 33, 4", "128, 256, 1"})
    void sumsAreThoseOfTheScalarReference(int count, int d, int nodes) {
        Rows rows = make.rows(300, d);
        FoldBlock block = new FoldBlock(2 * FoldKernel.NODES);
        System.arraycopy(random.ints(count, 0, 300).toArray(), 0, block.index, 0, count);
        System.arraycopy(make.floats(block.weights.length), 0, block.weights, 0, block.weights.length);
        block.count = count;
        int width = 2 * rows.stride() + 16;
        float[] sums = make.floats(FoldKernel.NODES * width);
        float[] expected = sums.clone();
        FoldKernel.moments(rows, block, FoldKernel.NODES, nodes, sums, 8, width);
        for (int i = 0; i < nodes; i++) {
            FoldKernel.scalar(rows, 1, block, FoldKernel.NODES + i, expected, 8 + i * width);
            FoldKernel.scalar(rows, 2, block, FoldKernel.NODES + i, expected, 8 + i * width + rows.stride());
        }
        assertArrayEquals(expected, sums, 1e-4f * count);
        FoldKernel.sum(rows, block, FoldKernel.NODES, nodes, sums, 8, width);
        for (int i = 0; i < nodes; i++) {
            FoldKernel.scalar(rows, 1, block, FoldKernel.NODES + i, expected, 8 + i * width);
        }
        assertArrayEquals(expected, sums, 1e-4f * count);
    }

    private void check(KeyGroups keys, Candidates list, WalkNode node) {
        float[] weights = node.buffers.folded;
        for (int g = 0; g < GROUPS; g++) {
            int from = keys.starts()[g];
            int to = keys.starts()[g + 1];
            int[] own = IntStream.range(0, list.count).filter(j -> list.index[j] >= from && list.index[j] < to)
                    .toArray();
            double mass = Arrays.stream(own).mapToDouble(j -> weights[j]).sum();
            assertEquals(mass, node.fold.mass(g), 1e-5 * mass);
            for (int c = 0; c < keys.keys().columns(); c++) {
                int column = c;
                int at = g * keys.keys().stride() + c;
                double mean = mean(own, mass, j -> weights[j] * keys.keys().get(list.index[j], column));
                assertEquals(mean, node.fold.keys()[at], 1e-5);
                double square = mean(own, mass, j -> weights[j] * Math.pow(keys.keys().get(list.index[j], column), 2));
                assertEquals(square, node.fold.squares()[at], 1e-5 * (1 + square));
            }
            for (int c = 0; c < keys.values().columns(); c++) {
                int column = c;
                double mean = mean(own, mass, j -> weights[j] * keys.values().get(list.index[j], column));
                assertEquals(mean, node.fold.values()[g * keys.values().stride() + c], 1e-5);
            }
        }
    }

    private static double mean(int[] own, double mass, IntToDoubleFunction term) {
        return mass == 0 ? 0 : Arrays.stream(own).mapToDouble(term).sum() / mass;
    }

    private static Fold copy(Fold fold, KeyGroups keys) {
        Fold copy = new Fold(GROUPS, keys.keys().stride(), keys.values().stride());
        System.arraycopy(fold.keys(), 0, copy.keys(), 0, copy.keys().length);
        System.arraycopy(fold.squares(), 0, copy.squares(), 0, copy.squares().length);
        System.arraycopy(fold.values(), 0, copy.values(), 0, copy.values().length);
        return copy;
    }

    /** A node that folds two of three candidates, with weights of very different sizes. */
    private WalkNode node(KeyGroups keys, Candidates list) {
        NodeScratch buffers = new NodeScratch();
        buffers.room(list.count);
        for (int j = 0; j < list.count; j++) {
            buffers.folded[j] = random.nextInt(3) == 0 ? 0 : (float) Math.exp(-20 * random.nextDouble());
        }
        return new WalkNode(buffers, new Fold(GROUPS, keys.keys().stride(), keys.values().stride()), null,
                keys.keys().stride());
    }

    private Candidates list(int[] some, KeyGroups keys, int d) {
        Candidates list = Candidates.empty(some.length, d, scratch);
        list.take(Arrays.copyOf(some, some.length + Lanes.LANES), some.length, keys, new Packer());
        return list;
    }
}
