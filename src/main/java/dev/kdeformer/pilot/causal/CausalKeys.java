package dev.kdeformer.pilot.causal;

import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.kernel.Centring;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The keys of one head for queries under a causal rule: in groups of similar ones, in the caller's order inside each,
 * so that the keys before a place are the beginning of every group; and once more in the caller's order, for what is
 * computed exactly.
 */
final class CausalKeys {
    private static final int CHUNK = 64 * Lanes.PANEL;

    private final KeyGroups groups;
    private final Rows squares;
    private final PackedKeys ordered;
    private final int[] identity;

    private CausalKeys(KeyGroups groups, Rows squares, PackedKeys ordered) {
        this.groups = groups;
        this.identity = new int[groups.count()];
        Arrays.setAll(identity, j -> j);
        this.squares = squares;
        this.ordered = ordered;
    }

    /** Off-heap bytes for m keys. */
    static long bytes(int m, int d, int dv) {
        return KeyGroups.bytes(m, d, dv) + Rows.bytes(m, d) + PackedKeys.bytes(m, d, dv);
    }

    /** Prepares the keys of a head, with memory from the team's scratch. */
    static CausalKeys of(KeyHead head, KeyGroups groups, float scale, Team team) {
        Rows keys = groups.keys();
        Rows squares = Rows.allocate(team.scratch(), keys.count(), keys.columns());
        team.forRanges(keys.count(), CHUNK, (from, to, scratch) -> {
            long target = squares.row(from);
            for (long source = keys.row(from); source < keys.row(to); source += LANES * 4L) {
                FloatVector x = Lanes.load(source);
                Lanes.store(x.mul(x), target);
                target += LANES * 4L;
            }
        });
        PackedKeys ordered = new PackedKeys(team.scratch(), head.keys(), head.key().columns(), head.value().columns(),
                LogitScale.of(scale));
        team.forRanges(head.keys(), CHUNK, (from, to, scratch) -> scratch.keep(Packer.class, Packer::new)
                .pack(ordered, from, to, head.source(0, Centring.of(groups.centre()))));
        return new CausalKeys(groups, squares, ordered);
    }

    KeyGroups groups() {
        return groups;
    }

    /** Squared features of the keys of the groups. */
    Rows squares() {
        return squares;
    }

    /** All keys in the caller's order. */
    PackedKeys ordered() {
        return ordered;
    }

    /** The numbers of the keys of the groups. */
    int[] identity() {
        return identity;
    }

    /**
     * Where the keys before a place end in every group.
     *
     * @param row first row of the caller's keys that is not among them
     */
    int[] ends(int row) {
        int[] ends = new int[groups.groups()];
        for (int g = 0; g < ends.length; g++) {
            int found = Arrays.binarySearch(groups.order(), groups.starts()[g], groups.starts()[g + 1], row);
            ends[g] = found < 0 ? -found - 1 : found;
        }
        return ends;
    }
}
