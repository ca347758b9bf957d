package dev.kdeformer.pilot.walk;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.INTS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.pilot.tile.FoldBlock.KEYS;
import static dev.kdeformer.pilot.tile.FoldBlock.ROOM;
import static dev.kdeformer.pilot.tile.FoldKernel.NODES;

import dev.kdeformer.kernel.Fetch;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.pilot.keys.Candidates;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.tile.FoldBlock;
import dev.kdeformer.pilot.tile.FoldKernel;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Folds for siblings, which share a list of candidates, what each leaves out of it: a block of keys at a time, those
 * that any of them folds. Most keys are folded by all. Kept per thread.
 */
final class SiblingFold {
    private final WalkNode[] nodes = new WalkNode[Siblings.MOST];
    private final Fetch fetch = new Fetch();
    private int count;
    private final FoldBlock block = new FoldBlock(Siblings.MOST);
    /** For each node the weighted sums of keys, squares and values of a group. */
    private float[] sums = new float[0];

    /** Starts with no nodes. */
    void begin() {
        count = 0;
    }

    /** Adds a node, the next of at most {@link Siblings#MOST}. */
    void add(WalkNode node) {
        nodes[count++] = node;
    }

    /** Sets what the nodes fold of {@code list}. */
    void run(KeyGroups keys, Candidates list) {
        if (count == 0) {
            return;
        }
        int stride = keys.keys().stride();
        int width = 2 * stride + keys.values().stride();
        if (sums.length < Siblings.MOST * width) {
            sums = new float[Siblings.MOST * width];
        }
        for (int i = 0; i < count; i++) {
            nodes[i].fold.begin(nodes[i].top);
        }
        int from = 0;
        for (int g = 0; g < keys.groups(); g++) {
            int to = list.position(keys.starts()[g + 1], from);
            Arrays.fill(sums, 0, Siblings.MOST * width, 0);
            for (int first = from; first < to; first += KEYS) {
                int present = collect(list.index, first, Math.min(to, first + KEYS));
                fetch(keys.keys(), present);
                fetch(keys.values(), present);
                for (int i = 0; i < count; i += NODES) {
                    FoldKernel.moments(keys.keys(), block, i, count - i, sums, i * width, width);
                    FoldKernel.sum(keys.values(), block, i, count - i, sums, i * width + 2 * stride, width);
                }
            }
            for (int i = 0; i < count; i++) {
                nodes[i].fold.set(g, mass(nodes[i].buffers.folded, from, to), sums, i * width);
            }
            from = to;
        }
    }

    /** Copies the keys of list entries [from, to) that a node folds, and their weights, side by side. */
    private int collect(int[] list, int from, int to) {
        int[] index = block.index;
        float[] weights = block.weights;
        int present = 0;
        for (int j = from; j < to; j += LANES) {
            FloatVector any = FloatVector.zero(FLOATS);
            for (int i = 0; i < count; i++) {
                any = any.max(FloatVector.fromArray(FLOATS, nodes[i].buffers.folded, j));
            }
            long bits = any.compare(VectorOperators.GT, 0).toLong() & -1L >>> Math.max(0, Long.SIZE - (to - j));
            if (Lanes.COMPRESS) {
                IntVector.fromArray(INTS, list, j).compress(VectorMask.fromLong(INTS, bits)).intoArray(index, present);
                VectorMask<Float> some = VectorMask.fromLong(FLOATS, bits);
                for (int i = 0; i < count; i++) {
                    FloatVector.fromArray(FLOATS, nodes[i].buffers.folded, j).compress(some)
                            .intoArray(weights, i * ROOM + present);
                }
                present += Long.bitCount(bits);
                continue;
            }
            for (long rest = bits; rest != 0; rest &= rest - 1) {
                int entry = j + Long.numberOfTrailingZeros(rest);
                index[present] = list[entry];
                for (int i = 0; i < count; i++) {
                    weights[i * ROOM + present] = nodes[i].buffers.folded[entry];
                }
                present++;
            }
        }
        // What a kernel takes beyond the last node weighs nothing.
        for (int i = count; i < Lanes.roundUp(count, NODES); i++) {
            Arrays.fill(weights, i * ROOM, i * ROOM + present, 0);
        }
        block.count = present;
        return present;
    }

    private void fetch(Rows rows, int present) {
        fetch.rows(rows.address(), rows.stride(), block.index, 0, present);
    }

    private static float mass(float[] weights, int from, int to) {
        FloatVector sum = FloatVector.zero(FLOATS);
        int j = from;
        for (; j + LANES <= to; j += LANES) {
            sum = sum.add(FloatVector.fromArray(FLOATS, weights, j));
        }
        if (j < to) {
            sum = sum.add(FloatVector.fromArray(FLOATS, weights, j, FLOATS.indexInRange(0, to - j)));
        }
        return Lanes.sum(sum);
    }
}
