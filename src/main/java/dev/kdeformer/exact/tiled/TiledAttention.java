package dev.kdeformer.exact.tiled;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.kernel.Centring;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;

/**
 * What exact attention does once a call is checked, for itself and for methods that fall back to it.
 *
 * <p>Many short heads are computed one per task, keys still in the cache; few long heads are packed by all threads
 * together and then cut into groups of tiles of queries.
 */
public final class TiledAttention {
    /** Keys packed by one task. */
    private static final int PACK_KEYS = 2048;

    private TiledAttention() {
    }

    /** Computes a checked call. */
    public static Statistics run(Call call) {
        AttentionInput input = call.input();
        int units = call.keyHeads();
        int threads = call.team().threads();
        boolean together = units < 4 * threads && threads > 1;
        Tiling tiling = new Tiling(input.queries(), units * input.groupSize(), together ? threads : 1);
        call.team().expect((long) units * input.groupSize() * tiling.count());
        if (!together) {
            call.team().forEach(units, (unit, scratch) -> {
                Unit packed = new Unit(call.keyHead(unit), input.scale(), scratch);
                packed.pack(0, packed.keys.count(), scratch);
                for (int group = 0; group < input.groupSize() * tiling.groups(); group++) {
                    attend(call, packed, tiling, group, scratch);
                }
            });
        } else {
            allTogether(call, tiling);
        }
        return new Statistics(meanVisibleKeys(input), "");
    }

    private static void allTogether(Call call, Tiling tiling) {
        Unit[] units = new Unit[call.keyHeads()];
        for (int unit = 0; unit < units.length; unit++) {
            units[unit] = new Unit(call.keyHead(unit), call.input().scale(), call.team().scratch());
        }
        int chunks = Math.ceilDiv(call.input().keys(), PACK_KEYS);
        call.team().forEach(units.length * chunks, (index, scratch) -> {
            Unit unit = units[index / chunks];
            int from = index % chunks * PACK_KEYS;
            if (from < unit.keys.count() || from == 0) {
                unit.pack(from, Math.min(unit.keys.count(), from + PACK_KEYS), scratch);
            }
        });
        int groups = call.input().groupSize() * tiling.groups();
        call.team().forEach(units.length * groups,
                (index, scratch) -> attend(call, units[index / groups], tiling, index % groups, scratch));
    }

    /** Computes one query head of a key head exactly, for methods that fall back to it. */
    public static void head(Call call, int keyHead, int member, Team team) {
        AttentionInput input = call.input();
        long mark = team.scratch().mark();
        Unit unit = new Unit(call.keyHead(keyHead), input.scale(), team.scratch());
        int chunks = Math.max(1, Math.ceilDiv(unit.keys.count(), PACK_KEYS));
        team.forEach(chunks, (index, scratch) -> unit.pack(index * PACK_KEYS,
                Math.min(unit.keys.count(), (index + 1) * PACK_KEYS), scratch));
        Tiling tiling = new Tiling(input.queries(), 1, team.threads());
        team.forEach(tiling.groups(), (index, scratch) -> attend(call, unit, tiling, member * tiling.groups() + index,
                scratch));
        team.scratch().release(mark);
    }

    private static void attend(Call call, Unit unit, Tiling tiling, int index, Scratch scratch) {
        // Backwards, because under a causal rule the last tiles are the largest and should not be left for the end.
        int group = tiling.groups() - 1 - index % tiling.groups();
        scratch.keep(TileGroup.class, TileGroup::new)
                .attend(call, unit.head, index / tiling.groups(), tiling, group, unit.keys, unit.centring);
    }

    /** Keys that a query sees, the mean over all queries. */
    public static double meanVisibleKeys(AttentionInput input) {
        double sum = 0;
        for (int b = 0; b < input.batch(); b++) {
            sum += meanVisibleKeys(input, b);
        }
        return sum / input.batch();
    }

    /** Keys that a query of a batch item sees, the mean over its queries. */
    public static double meanVisibleKeys(AttentionInput input, int batch) {
        int n = input.queries();
        int m = input.keys();
        if (input.mask().showsAllKeys()) {
            return input.mask().keyLength(batch, m);
        }
        double visible = 0;
        for (int i = 0; i < n; i++) {
            visible += input.mask().endKey(batch, i, n, m) - input.mask().firstKey(batch, i, n, m);
        }
        return visible / n;
    }

    /** What a call would need; see {@link dev.kdeformer.AttentionMethod#estimate}. */
    public static Estimate estimate(AttentionInput input, int threads) {
        double pairs = (double) input.batch() * input.heads() * input.queries() * meanVisibleKeys(input);
        int units = input.batch() * input.kvHeads();
        int packed = units >= 4 * threads || threads == 1 ? Math.min(units, threads) : units;
        return new Estimate(packed * PackedKeys.bytes(input.keys(), input.d(), input.dv())
                + threads * TileGroup.bytes(input.dv()),
                2 * pairs * (input.d() + input.dv()));
    }

    /** A key head with its packed keys. */
    private static final class Unit {
        private final KeyHead head;
        private final Centring centring;
        private final PackedKeys keys;

        Unit(KeyHead head, float scale, Scratch scratch) {
            this.head = head;
            this.centring = new Centring(head.centre(scratch), head.largestBias());
            this.keys = new PackedKeys(scratch, head.keys(), head.key().columns(), head.value().columns(),
                    LogitScale.of(scale));
        }

        void pack(int from, int to, Scratch scratch) {
            scratch.keep(Packer.class, Packer::new)
                    .pack(keys, from, to, head.source(0, centring));
        }
    }
}
