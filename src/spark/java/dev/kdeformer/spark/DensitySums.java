package dev.kdeformer.spark;

import dev.kdeformer.Engine;
import dev.kdeformer.kde.DensityBuilder;
import dev.kdeformer.kde.KernelDensity;
import dev.kdeformer.tensor.Matrix;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
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
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/** The tasks of a sum of kernels; results are blocks whose bias holds log-sums as little-endian doubles. */
record DensitySums(DensitySource source, long seed) implements Serializable {
    private static final long serialVersionUID = 1;

    /** Points that visiting queries meet at a time. */
    private static final int VISITED = 1 << 18;

    /** What a partition of points gives a block of queries; a class and no record, which Kryo could not send. */
    static final class Part implements Serializable {
        private static final long serialVersionUID = 1;

        final long firstPoint;
        final double[] logSums;

        Part(long firstPoint, double[] logSums) {
            this.firstPoint = firstPoint;
            this.logSums = logSums;
        }
    }

    JavaRDD<Block> run(JavaSparkContext context, BlockSource queries, BlockSource points, Plan plan, long shardBytes,
            int slots) {
        if (plan == Plan.KEYS) {
            return visit(context, queries, points);
        }
        TreeMap<Integer, List<Shard>> shards = new TreeMap<>();
        for (int head : queries.spans().heads().keySet()) {
            shards.put(head, Shard.keys(context, points, head, shardBytes));
        }
        JavaRDD<Block> blocks = queries.queries();
        int wanted = Math.min(slots, queries.spans().blocks());
        if (blocks.getNumPartitions() != wanted) {
            // One task for each slot, because each builds what the estimator needs.
            blocks = blocks.repartition(wanted);
        }
        DensitySums self = this;
        return blocks.mapPartitions(some -> self.cut(some, shards));
    }

    private Iterator<Block> cut(Iterator<Block> some, Map<Integer, List<Shard>> shards) {
        TreeMap<Integer, List<Block>> byHead = new TreeMap<>();
        some.forEachRemaining(block -> byHead.computeIfAbsent(block.head, head -> new ArrayList<>()).add(block));
        List<Block> results = new ArrayList<>();
        byHead.forEach((head, blocks) -> {
            double[][] sums = new double[blocks.size()][];
            Arrays.setAll(sums, i -> nothing(blocks.get(i)));
            for (Shard shard : shards.get(head)) {
                add(shard.block().value(), blocks, sums);
            }
            for (int i = 0; i < sums.length; i++) {
                results.add(result(blocks.get(i), sums[i]));
            }
        });
        return results.iterator();
    }

    private static double[] nothing(Block queries) {
        double[] sums = new double[queries.rows];
        Arrays.fill(sums, Double.NEGATIVE_INFINITY);
        return sums;
    }

    /** Adds the sums over some points to those of all blocks. */
    private void add(Block points, List<Block> queries, double[][] sums) {
        DensityBuilder options = source.make(seed);
        if (points.bias != null) {
            double[] weights = new double[points.rows];
            Matrix logs = Block.tensor(points.bias, points.rows).matrix(0, 0);
            Arrays.setAll(weights, j -> logs.get(j, 0));
            if (Arrays.stream(weights).allMatch(log -> log == Double.NEGATIVE_INFINITY)) {
                return;
            }
            options.logWeights(weights);
        }
        Engine engine = Engines.ofTask();
        try (KernelDensity density = options.build(engine, Block.tensor(points.key, points.rows))) {
            for (int i = 0; i < sums.length; i++) {
                double[] more = new double[queries.get(i).rows];
                density.query(engine, Block.tensor(queries.get(i).query, more.length), more);
                add(more, sums[i]);
            }
        }
    }

    /** Adds exp(more) to exp(sums). */
    private static void add(double[] more, double[] sums) {
        for (int i = 0; i < sums.length; i++) {
            double top = Math.max(sums[i], more[i]);
            sums[i] = top == Double.NEGATIVE_INFINITY ? top
                    : top + Math.log1p(Math.exp(Math.min(sums[i], more[i]) - top));
        }
    }

    private static Block result(Block queries, double[] sums) {
        Block result = new Block(queries.head, queries.start, queries.rows);
        ByteBuffer buffer = ByteBuffer.allocate(sums.length * Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        buffer.asDoubleBuffer().put(sums);
        result.bias = buffer.array();
        return result;
    }

    static double[] doubles(byte[] bytes) {
        double[] values = new double[bytes.length / Double.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asDoubleBuffer().get(values);
        return values;
    }

    private JavaRDD<Block> visit(JavaSparkContext context, BlockSource queries, BlockSource points) {
        TreeMap<Integer, List<Block>> all = new TreeMap<>();
        for (Block block : queries.queries().collect()) {
            all.computeIfAbsent(block.head, head -> new ArrayList<>()).add(block);
        }
        Broadcast<TreeMap<Integer, List<Block>>> sent = context.broadcast(all);
        DensitySums self = this;
        JavaRDD<Block> known = points.keys();
        JavaPairRDD<Tuple2<Integer, Long>, Part> parts = known.mapPartitionsToPair(
                some -> self.visited(new Chunks(some, VISITED), sent.value()));
        return parts.groupByKey(Math.max(1, Math.min(queries.spans().blocks(), known.getNumPartitions())))
                .map(each -> merge(each._1, each._2));
    }

    private Iterator<Tuple2<Tuple2<Integer, Long>, Part>> visited(Chunks points,
            Map<Integer, List<Block>> queries) {
        Map<Integer, double[][]> sums = new LinkedHashMap<>();
        Map<Integer, Long> first = new TreeMap<>();
        while (points.hasNext()) {
            Block chunk = points.next();
            List<Block> blocks = queries.getOrDefault(chunk.head, List.of());
            first.putIfAbsent(chunk.head, chunk.start);
            add(chunk, blocks, sums.computeIfAbsent(chunk.head,
                    head -> blocks.stream().map(DensitySums::nothing).toArray(double[][]::new)));
        }
        List<Tuple2<Tuple2<Integer, Long>, Part>> parts = new ArrayList<>();
        sums.forEach((head, each) -> {
            for (int i = 0; i < each.length; i++) {
                parts.add(new Tuple2<>(new Tuple2<>(head, queries.get(head).get(i).start),
                        new Part(first.get(head), each[i])));
            }
        });
        return parts.iterator();
    }

    private static Block merge(Tuple2<Integer, Long> queries, Iterable<Part> parts) {
        List<Part> sorted = StreamSupport.stream(parts.spliterator(), false)
                .sorted(Comparator.comparingLong(part -> part.firstPoint)).toList();
        double[] sums = sorted.get(0).logSums.clone();
        for (Part part : sorted.subList(1, sorted.size())) {
            add(part.logSums, sums);
        }
        return result(new Block(queries._1, queries._2, sums.length), sums);
    }
}
