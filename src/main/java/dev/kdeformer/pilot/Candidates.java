package dev.kdeformer.pilot;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.runtime.Scratch;

/** The keys that still matter to a node of the tree, in group order, with their panels packed. */
final class Candidates {
    final int[] index;
    final long panels;
    int count;

    private Candidates(int[] index, long panels, int count) {
        this.index = index;
        this.panels = panels;
        this.count = count;
    }

    /** All keys of a head. */
    static Candidates all(KeyGroups keys) {
        int[] index = new int[keys.count()];
        java.util.Arrays.setAll(index, j -> j);
        return new Candidates(index, keys.panels(), index.length);
    }

    /** An empty list with room for {@code capacity} keys. */
    static Candidates empty(int capacity, int d, Scratch scratch) {
        return new Candidates(new int[capacity], scratch.floats((long) Lanes.roundUp(capacity, Lanes.PANEL) * d), 0);
    }

    /** Packs the panels of the listed keys. */
    void pack(KeyGroups keys, Packer packer) {
        int d = keys.keys().columns();
        for (int first = 0; first < count; first += Lanes.PANEL) {
            packer.packPanel(index, first, Math.min(Lanes.PANEL, count - first), keys.keys().address(),
                    keys.keys().stride(), d, panels + ((long) first * d << 2));
        }
    }
}
