package dev.kdeformer.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;

/**
 * Rows of a head that are sent to executors in one piece. Only what a task asks for is sent, once to each executor, by
 * the executors among themselves; what does not fit into their memory lies on their disks.
 *
 * @param block null until the data are wanted
 */
record Shard(int head, long start, int rows, Broadcast<Block> block) implements Serializable {
    private static final long serialVersionUID = 1;

    /** The position after the last. */
    long end() {
        return start + rows;
    }

    /** Most bytes of an array, in which the keys of a shard are. */
    private static final long LARGEST_ARRAY = Integer.MAX_VALUE - 8;

    /**
     * Checks that all keys of a head go into one shard.
     *
     * @param width floats of a key or a value, whichever has more
     * @throws IllegalArgumentException if they do not
     */
    static void checkWhole(int rows, int width) {
        if ((long) rows * width * Float.BYTES > LARGEST_ARRAY) {
            throw new IllegalArgumentException("plan QUERIES must have at most 2 GB of keys and of values in a head,"
                    + " got " + rows + " rows of " + width + " floats; SHARDS takes more");
        }
    }

    /** Where the shards of a head are. */
    static List<Shard> cut(Spans spans, int head, int rowBytes, long shardBytes) {
        int all = spans.rows(head);
        long most = Math.max(1, shardBytes / rowBytes);
        int shards = (int) Math.ceilDiv(all, most);
        List<Shard> cut = new ArrayList<>();
        for (int i = 0; i < shards; i++) {
            int from = (int) ((long) all * i / shards);
            int to = (int) ((long) all * (i + 1) / shards);
            cut.add(new Shard(head, spans.start(head) + from, to - from, null));
        }
        return cut;
    }

    /** The shards of keys and values of a head, with their data. */
    static List<Shard> keys(JavaSparkContext context, BlockSource source, int head, long shardBytes) {
        List<Shard> shards = new ArrayList<>();
        for (Shard shard : cut(source.spans(), head, source.keyRowBytes(), shardBytes)) {
            shards.add(shard.with(context, source.keys(head, shard.start, shard.end())));
        }
        return shards;
    }

    /** The shards of queries of a head, with their data. */
    static List<Shard> queries(JavaSparkContext context, BlockSource source, int head, long shardBytes) {
        List<Shard> shards = new ArrayList<>();
        for (Shard shard : cut(source.spans(), head, source.queryWidth() * Float.BYTES, shardBytes)) {
            shards.add(shard.with(context, source.queries(head, shard.start, shard.end())));
        }
        return shards;
    }

    private Shard with(JavaSparkContext context, JavaRDD<Block> blocks) {
        Block whole = new Block(head, start, rows);
        for (Block block : blocks.collect()) {
            whole.query = copy(block.query, block, whole.query);
            whole.key = copy(block.key, block, whole.key);
            whole.value = copy(block.value, block, whole.value);
            whole.bias = copy(block.bias, block, whole.bias);
        }
        return new Shard(head, start, rows, context.broadcast(whole));
    }

    /** Copies the rows of a block that are this shard's. */
    private byte[] copy(byte[] from, Block block, byte[] to) {
        if (from == null) {
            return to;
        }
        int row = from.length / block.rows;
        byte[] target = to == null ? new byte[Math.multiplyExact(rows, row)] : to;
        long first = Math.max(start, block.start);
        long last = Math.min(end(), block.end());
        System.arraycopy(from, (int) (first - block.start) * row, target, (int) (first - start) * row,
                (int) (last - first) * row);
        return target;
    }
}
