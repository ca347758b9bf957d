package dev.kdeformer.pilot.keys;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The keys that still matter to a node of the tree, in group order, with their panels packed. After the d lines of
 * features a panel has one of biases and one of squared norms, so that they are read as vectors too.
 */
public final class Candidates {
    /** Lines of a panel beyond the features. */
    private static final int MORE_LINES = 2;

    /** The keys, in an array with room for another vector. */
    public int[] index;
    public final long panels;
    public final int capacity;
    public int count;

    private Candidates(int[] index, long panels, int capacity, int count) {
        this.index = index;
        this.panels = panels;
        this.capacity = capacity;
        this.count = count;
    }

    /** Lines of a panel. */
    public static int lines(int d) {
        return d + MORE_LINES;
    }

    /** All keys of a head. */
    public static Candidates all(KeyGroups keys) {
        int[] index = new int[keys.count() + Lanes.LANES];
        Arrays.setAll(index, j -> j);
        return new Candidates(index, keys.panels(), keys.count(), keys.count());
    }

    /** An empty list with panels for {@code keys} keys. */
    public static Candidates empty(int keys, int d, Scratch scratch) {
        int capacity = Lanes.roundUp(keys, Lanes.PANEL);
        return new Candidates(new int[0], scratch.floats((long) capacity * lines(d)), capacity, 0);
    }

    /** Where the keys from {@code key} on begin, at entry {@code from} or later. */
    public int position(int key, int from) {
        int at = Arrays.binarySearch(index, from, count, key);
        return at >= 0 ? at : -at - 1;
    }

    /** Becomes a list of {@code keptCount} keys, which stay where they are, and packs their panels. */
    public void take(int[] kept, int keptCount, KeyGroups keys, Packer packer) {
        index = kept;
        count = keptCount;
        for (int first = 0; first < count; first += Lanes.PANEL) {
            pack(keys, packer, index, first, Math.min(Lanes.PANEL, count - first),
                    panels + ((long) first * lines(keys.keys().columns()) << 2));
        }
    }

    /** Packs one panel. */
    static void pack(KeyGroups keys, Packer packer, int[] index, int first, int present, long panel) {
        int d = keys.keys().columns();
        packer.pickPanel(index, first, present, keys.keys().address(), keys.keys().stride(), d, panel);
        long biases = panel + ((long) d * Lanes.PANEL << 2);
        long squares = biases + Lanes.PANEL * 4L;
        if (present == Lanes.PANEL) {
            for (int j = 0; j < present; j += Lanes.LANES) {
                Lanes.store(FloatVector.fromArray(Lanes.FLOATS, keys.biases(), 0, index, first + j), biases + j * 4L);
                Lanes.store(FloatVector.fromArray(Lanes.FLOATS, keys.squares(), 0, index, first + j), squares + j * 4L);
            }
            return;
        }
        for (int j = 0; j < present; j++) {
            Memory.putFloat(biases + j * 4L, keys.biases()[index[first + j]]);
            Memory.putFloat(squares + j * 4L, keys.squares()[index[first + j]]);
        }
        for (int j = present; j < Lanes.PANEL; j++) {
            Memory.putFloat(biases + j * 4L, 0);
            Memory.putFloat(squares + j * 4L, 0);
        }
    }
}
