package dev.kdeformer.spark;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.exact.ExactAttention;
import dev.kdeformer.pilot.PilotAttention;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One call on the driver: looks at the sizes, chooses the plan, sends what tasks need and sets the tasks up. */
final class AttentionJob {
    private static final Logger LOG = LoggerFactory.getLogger(SparkAttention.class);

    /** Keys stay only where that sends less than a quarter: cut queries need no merge and lose nothing. */
    private static final int WORTH = 4;

    /** Rows of keys that visiting queries meet at a time. */
    private static final int VISITED = 65_536;

    private final SparkSession session;
    private final JavaSparkContext context;
    private final HeadCall call;
    private final SparkAttention.Builder options;
    private final BlockSource queries;
    private final BlockSource keys;
    private final AttentionMethod method;
    /** Tasks that can run at the same time. */
    private final int slots;
    private final int threads;

    private final Plan plan;

    /**
     * Looks at a call and chooses its plan; nothing is sent yet.
     *
     * @param kernel  null for products
     * @throws IllegalArgumentException if queries and keys do not fit together, or the plan cannot do the method
     */
    AttentionJob(SparkSession session, SparkAttention.Builder options, Gaussian kernel, BlockSource queries,
            BlockSource keys) {
        this.session = session;
        this.context = JavaSparkContext.fromSparkContext(session.sparkContext());
        this.options = options;
        this.queries = queries;
        this.keys = keys;
        this.method = options.method.make(options.seed);
        this.threads = context.getConf().getInt("spark.task.cpus", 1);
        this.slots = Math.max(1, context.defaultParallelism() / threads);
        this.call = new HeadCall(options.method, options.seed, kernel == null ? options.scale : (Float) kernel.scale(),
                options.causal, options.groupSize, ends(), kernel);
        check();
        this.plan = options.plan == null ? choose() : options.plan;
        boolean parted = plan == Plan.PARTS;
        if (parted && !hasParts() || !parted && plan != Plan.HEADS && !(method instanceof ExactAttention)) {
            throw new IllegalArgumentException("plan " + plan.name() + " cannot do method " + method.name()
                    + (parted ? ", it takes pilot at a fixed cost" : ", it takes exact"));
        }
        if (plan == Plan.QUERIES) {
            Shard.checkWhole(keys.spans().longest(), Math.max(keys.keyWidth(), keys.valueWidth()));
        }
    }

    private TreeMap<Integer, Long> ends() {
        TreeMap<Integer, Long> ends = new TreeMap<>();
        options.keyLengths.forEach((head, length) -> {
            if (!keys.spans().has(head) || length > keys.spans().rows(head)) {
                throw new IllegalArgumentException("keyLengths must be of heads that are there and at most their rows,"
                        + " got " + length + " for head " + head);
            }
            ends.put(head, keys.spans().start(head) + length);
        });
        return ends;
    }

    private void check() {
        if (queries.queryWidth() != keys.keyWidth()) {
            throw new IllegalArgumentException("query and key must have the same number of floats, got "
                    + queries.queryWidth() + " and " + keys.keyWidth());
        }
        for (int head : queries.spans().heads().keySet()) {
            if (!keys.spans().has(head / call.groupSize())) {
                throw new IllegalArgumentException("every query head must have its key head, but query head " + head
                        + " has no key head " + head / call.groupSize());
            }
        }
    }

    Plan plan() {
        return plan;
    }

    /** Floats of a row of the output. */
    int columns() {
        return keys.valueWidth();
    }

    /** The plan, what travels and what a task takes, in a sentence. */
    String describe() {
        return "attention " + method.name() + ": " + plan + "; " + queries.spans().allRows() + " queries, "
                + keys.spans().allRows() + " keys; at most " + volume(plan) + "; a running task takes " + memory(plan);
    }

    /** What executors have to be given beside their heap, in a sentence. */
    String advice() {
        SparkConf conf = context.getConf();
        int tasks = TaskMemory.tasksPerExecutor(conf, Math.ceilDiv(context.defaultParallelism(), executors()));
        long needed = Math.ceilDiv(memory(plan).overhead(tasks), 1L << 20);
        String given = conf.get("spark.executor.memoryOverhead", "");
        return "spark.executor.memoryOverhead must hold " + needed + "m for " + tasks
                + (tasks == 1 ? " task" : " tasks") + " at a time in an executor; "
                + (given.isEmpty() ? "it is not set" : "it is set to " + given);
    }

    /** The results, in the layout of the queries; keys are sent now, and all else is done when results are read. */
    Dataset<Row> results() {
        LOG.info(describe());
        LOG.info(advice());
        JavaRDD<Block> blocks = blocks();
        if (options.layout == Layout.ROWS) {
            return session.createDataset(blocks.flatMap(Packing::rows).rdd(), Encoders.bean(ResultRow.class))
                    .select(Columns.HEAD, Columns.POSITION, Columns.OUTPUT, Columns.LOG_SUM);
        }
        StructType schema = new StructType().add(Columns.HEAD, DataTypes.IntegerType, false)
                .add(Columns.START, DataTypes.LongType, false).add(Columns.ROWS, DataTypes.IntegerType, false)
                .add(Columns.OUTPUT, DataTypes.BinaryType, false).add(Columns.LOG_SUM, DataTypes.BinaryType, false);
        return session.createDataFrame(blocks.map(block -> RowFactory.create(block.head, block.start, block.rows,
                block.query, block.bias)), schema);
    }

    private JavaRDD<Block> blocks() {
        return switch (plan) {
            case QUERIES -> cutQueries(Long.MAX_VALUE);
            case SHARDS -> cutQueries(options.shardBytes);
            case KEYS -> visitKeys();
            case PARTS -> wholeHeads(parts());
            case HEADS -> wholeHeads(1);
        };
    }

    private boolean hasParts() {
        if (!(method instanceof PilotAttention pilot)) {
            return false;
        }
        try {
            pilot.part(0, 1);
            return true;
        } catch (IllegalStateException e) {
            return false; // an error budget looks at all rows
        }
    }

    /** Parts of each head, so that every slot has one. */
    private int parts() {
        int heads = (int) queries.spans().heads().keySet().stream().map(head -> head / call.groupSize()).distinct()
                .count();
        return options.parts > 0 ? options.parts : Math.max(1, Math.min(4096, Math.ceilDiv(slots, heads)));
    }

    /** The plan that the sizes ask for. */
    private Plan choose() {
        if (hasParts()) {
            return Plan.PARTS;
        }
        if (!(method instanceof ExactAttention)) {
            return Plan.HEADS;
        }
        if ((long) keys.spans().longest() * keys.keyRowBytes() <= options.shardBytes) {
            return Plan.QUERIES;
        }
        int executors = executors();
        Volume stay = volume(Plan.KEYS);
        Volume cut = volume(Plan.SHARDS);
        long sent = executors * stay.broadcast() + stay.shuffled();
        boolean small = Volume.partial(queries.spans().longest(), keys.valueWidth()) <= options.shardBytes;
        return small && sent < executors * cut.broadcast() / WORTH ? Plan.KEYS : Plan.SHARDS;
    }

    /** Executors that there are now; the driver is among those that Spark knows. */
    private int executors() {
        return Math.max(1, context.statusTracker().getExecutorInfos().length - 1);
    }

    private Volume volume(Plan plan) {
        int partitions = plan == Plan.KEYS ? keys.keys().getNumPartitions() : 0;
        return Volume.of(plan, queries.spans().allRows(), keys.spans().allRows(), keys.keyWidth(), keys.valueWidth(),
                keys.biased(), partitions);
    }

    /** What a running task of a plan takes. */
    private TaskMemory memory(Plan plan) {
        int n = queries.spans().longest();
        int m = keys.spans().longest();
        int block = queries.spans().heads().values().stream().flatMap(List::stream).mapToInt(Spans.Span::rows).max()
                .orElse(1);
        int d = keys.keyWidth();
        int dv = keys.valueWidth();
        int shard = (int) Math.min(m, Math.max(1, options.shardBytes / keys.keyRowBytes()));
        TaskMemory whole = TaskMemory.of(call, call.groupSize(), n, m, d, dv, threads);
        boolean pieces = m > shard || call.groupSize() > 1;
        long output = (long) call.groupSize() * n * (dv + 1) * Float.BYTES;
        return switch (plan) {
            case QUERIES -> TaskMemory.of(call, 1, block, m, d, dv, threads);
            case SHARDS -> TaskMemory.of(call, 1, block, shard, d, dv, threads);
            case KEYS -> TaskMemory.of(call, 1, block, Math.min(m, VISITED), d, dv, threads);
            case PARTS, HEADS -> whole.plusOffHeap(output + (pieces ? whole.onHeap() : 0));
        };
    }

    private JavaRDD<Block> cutQueries(long shardBytes) {
        TreeMap<Integer, List<Shard>> shards = new TreeMap<>();
        for (int head : keyHeads()) {
            shards.put(head, Shard.keys(context, keys, head, shardBytes));
        }
        JavaRDD<Block> blocks = queries.queries();
        if (blocks.getNumPartitions() < Math.min(slots, queries.spans().blocks())) {
            blocks = blocks.repartition(Math.min(queries.spans().blocks(), 3 * slots));
        }
        return blocks.map(new QueryBlocks(call, shards, keys.valueWidth()));
    }

    private List<Integer> keyHeads() {
        return queries.spans().heads().keySet().stream().map(head -> head / call.groupSize()).distinct().toList();
    }

    private JavaRDD<Block> visitKeys() {
        TreeMap<Integer, List<Block>> all = new TreeMap<>();
        for (Block block : queries.queries().collect()) {
            all.computeIfAbsent(block.head, head -> new ArrayList<>()).add(block);
        }
        all.values().forEach(blocks -> blocks.sort(Comparator.comparingLong(block -> block.start)));
        return new KeyVisits(call, context.broadcast(all), VISITED).run(keys.keys(), keys.valueWidth());
    }

    private JavaRDD<Block> wholeHeads(int parts) {
        List<WholeHead> heads = new ArrayList<>();
        Map<Integer, List<Spans.Span>> blocks = queries.spans().heads();
        for (int keyHead : keyHeads()) {
            List<List<Shard>> members = new ArrayList<>();
            List<Spans.Span> spans = null;
            for (int head = keyHead * call.groupSize(); head < (keyHead + 1) * call.groupSize(); head++) {
                if (!blocks.containsKey(head) || spans != null && (queries.spans().rows(head)
                        != queries.spans().rows(spans.get(0).head()) || blocks.get(head).size() != spans.size())) {
                    throw new IllegalArgumentException("query heads of key head " + keyHead + " must all be there with"
                            + " the same rows, head " + head + " is not");
                }
                spans = spans == null ? blocks.get(head) : spans;
                members.add(Shard.queries(context, queries, head, options.shardBytes));
            }
            heads.add(new WholeHead(keyHead, members, Shard.keys(context, keys, keyHead, options.shardBytes),
                    List.copyOf(spans)));
        }
        return HeadParts.run(context, call, heads, parts);
    }
}
