package dev.kdeformer.spark;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.Serializable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Function;

/**
 * A key head and all query heads that read it, for methods that have to see a head whole.
 *
 * @param queries the shards of every query head, ascending
 * @param keys    the shards of keys and values, ascending
 * @param spans   the blocks of the queries, the same for every query head
 */
record WholeHead(int keyHead, List<List<Shard>> queries, List<Shard> keys, List<Spans.Span> spans)
        implements Serializable {
    private static final long serialVersionUID = 1;

    /**
     * The input of a call, (1, query heads, n, d). What comes in one piece stays where Spark has it; several pieces are
     * put together in the arena.
     */
    AttentionInput input(HeadCall call, Arena arena) {
        Tensor query = whole(queries, block -> block.query, arena);
        List<List<Shard>> one = List.of(keys);
        Tensor bias = keys.get(0).block().value().bias == null ? null : whole(one, block -> block.bias, arena);
        return call.input(query, spans.get(0).start(), whole(one, block -> block.key, arena),
                whole(one, block -> block.value, arena), row(bias), keyHead, keys.get(0).start());
    }

    /** The m rows of one bias each as one row. */
    private static Tensor row(Tensor bias) {
        return bias == null ? null : Tensor.of(bias.segment(), Shape.of(1, bias.shape().rows()));
    }

    private static Tensor whole(List<List<Shard>> heads, Function<Block, byte[]> part, Arena arena) {
        Block first = heads.get(0).get(0).block().value();
        int columns = Block.columns(part.apply(first), first.rows);
        if (heads.size() == 1 && heads.get(0).size() == 1) {
            return Block.tensor(part.apply(first), first.rows);
        }
        int rows = heads.get(0).stream().mapToInt(Shard::rows).sum();
        Tensor whole = Tensor.allocate(arena, Shape.of(1, heads.size(), rows, columns));
        long at = 0;
        for (List<Shard> head : heads) {
            for (Shard shard : head) {
                byte[] bytes = part.apply(shard.block().value());
                MemorySegment.copy(MemorySegment.ofArray(bytes), 0, whole.segment(), at, bytes.length);
                at += bytes.length;
            }
        }
        return whole;
    }

    /** Number of the query head of a member. */
    int queryHead(int member) {
        return keyHead * queries.size() + member;
    }
}
