package dev.kdeformer.spark;

import dev.kdeformer.PartialAttention;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.function.Function;

/**
 * A block of queries with all keys of its head, one shard of them or several folded in ascending order. No block
 * depends on another, and none is lost with an executor that dies.
 *
 * @param shards of every key head, ascending
 * @param dv     floats of a value
 */
record QueryBlocks(HeadCall call, Map<Integer, List<Shard>> shards, int dv) implements Function<Block, Block> {
    private static final long serialVersionUID = 1;

    @Override
    public Block call(Block queries) {
        int keyHead = queries.head / call.groupSize();
        List<Shard> seen = shards.get(keyHead).stream()
                .filter(shard -> call.seesAny(queries, keyHead, shard.start(), shard.rows())).toList();
        if (seen.isEmpty()) {
            return HeadCall.unseen(queries, dv);
        }
        if (shards.get(keyHead).size() == 1) {
            return call.attend(queries, seen.get(0).block().value());
        }
        PartialAttention merged = null;
        for (Shard shard : seen) {
            PartialAttention part = call.part(queries, shard.block().value());
            merged = merged == null ? part : merged.merge(part);
        }
        return HeadCall.merged(queries, merged);
    }
}
