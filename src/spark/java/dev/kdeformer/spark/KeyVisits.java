package dev.kdeformer.spark;

import dev.kdeformer.PartialAttention;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.StreamSupport;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.PairFlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * Queries that visit the keys where they are: a task folds the keys of its partition, which ascend, and sends one
 * partial result for each block of queries; those are merged in ascending order of their keys. The bits depend on
 * which keys lie in one partition, and not on who is ready first.
 *
 * @param queries of every query head, in blocks
 * @param most    rows of keys that are computed at a time
 */
record KeyVisits(HeadCall call, Broadcast<TreeMap<Integer, List<Block>>> queries, int most)
        implements PairFlatMapFunction<Iterator<Block>, Tuple2<Integer, Long>, KeyVisits.Part> {
    private static final long serialVersionUID = 1;

    /** A partial result for a block of queries; a class and no record, which Kryo could not send. */
    static final class Part implements Serializable {
        private static final long serialVersionUID = 1;

        /** Position of the first key. */
        final long firstKey;
        /** Null where no key was seen. */
        final byte[] bytes;

        Part(long firstKey, byte[] bytes) {
            this.firstKey = firstKey;
            this.bytes = bytes;
        }
    }

    /** The output of all queries. */
    JavaRDD<Block> run(JavaRDD<Block> keys, int dv) {
        JavaPairRDD<Tuple2<Integer, Long>, Part> parts = keys.mapPartitionsToPair(this);
        Broadcast<TreeMap<Integer, List<Block>>> all = queries;
        // All blocks of queries, so that those that see no key have a result too.
        List<Tuple2<Integer, Long>> targets = new ArrayList<>();
        all.value().forEach((head, blocks) -> blocks.forEach(block -> targets.add(new Tuple2<>(head, block.start))));
        JavaPairRDD<Tuple2<Integer, Long>, Part> every = JavaSparkContext.fromSparkContext(keys.context())
                .parallelize(targets).mapToPair(target -> new Tuple2<>(target, new Part(Long.MIN_VALUE, null)));
        return parts.union(every).groupByKey(Math.max(1, Math.min(targets.size(), keys.getNumPartitions())))
                .map(each -> merge(find(all.value(), each._1), each._2, dv));
    }

    private static Block find(Map<Integer, List<Block>> queries, Tuple2<Integer, Long> target) {
        return queries.get(target._1).stream().filter(block -> block.start == target._2).findFirst().orElseThrow();
    }

    private static Block merge(Block queries, Iterable<Part> parts, int dv) {
        List<PartialAttention> sorted = StreamSupport.stream(parts.spliterator(), false)
                .filter(part -> part.bytes != null).sorted(Comparator.comparingLong(part -> part.firstKey))
                .map(part -> PartialAttention.fromBytes(part.bytes)).toList();
        return sorted.isEmpty() ? HeadCall.unseen(queries, dv)
                : HeadCall.merged(queries, PartialAttention.merge(sorted));
    }

    @Override
    public Iterator<Tuple2<Tuple2<Integer, Long>, Part>> call(Iterator<Block> keys) {
        List<Tuple2<Tuple2<Integer, Long>, Part>> parts = new ArrayList<>();
        Map<Tuple2<Integer, Long>, PartialAttention> merged = new LinkedHashMap<>();
        long first = 0;
        int head = -1;
        Chunks chunks = new Chunks(keys, most);
        while (chunks.hasNext()) {
            Block chunk = chunks.next();
            if (chunk.head != head) {
                send(merged, first, parts);
                head = chunk.head;
                first = chunk.start;
            }
            for (int member = 0; member < call.groupSize(); member++) {
                List<Block> visitors = queries.value().getOrDefault(head * call.groupSize() + member, List.of());
                for (Block block : visitors) {
                    if (call.seesAny(block, head, chunk.start, chunk.rows)) {
                        merged.merge(new Tuple2<>(block.head, block.start), call.part(block, chunk),
                                PartialAttention::merge);
                    }
                }
            }
        }
        send(merged, first, parts);
        return parts.iterator();
    }

    private static void send(Map<Tuple2<Integer, Long>, PartialAttention> merged, long first,
            List<Tuple2<Tuple2<Integer, Long>, Part>> parts) {
        merged.forEach((target, part) -> parts.add(new Tuple2<>(target, new Part(first, part.toBytes()))));
        merged.clear();
    }
}
