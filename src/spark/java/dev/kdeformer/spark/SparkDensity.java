package dev.kdeformer.spark;

import dev.kdeformer.kde.KernelDensity;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Weighted sums of a kernel over the points of a data set, at the queries of another: f(x) = Σ_j w_j K(x, y_j), exactly
 * or within a relative error, as {@link KernelDensity} computes them. Points have the columns {@code position},
 * {@code point} (array of floats) and {@code logWeight} (number; may be missing), queries {@code position} and {@code
 * query}; in blocks {@code start}, {@code rows} and bytes of little-endian float32 instead. A column {@code head} keeps
 * several sets of points apart.
 *
 * <p>The result has {@code head}, {@code position} and {@code logSum} (double, the natural logarithm of f), or in
 * blocks {@code head}, {@code start}, {@code rows} and {@code logSum} (binary, little-endian float64).
 *
 * <p>Queries are cut, and each task has all points of its head, in one shard or in several whose sums it adds in
 * ascending order; a task builds what its estimator needs of a shard once for all its queries. Where queries are few
 * and points many the points stay ({@link Plan#KEYS}), and the sums of the partitions are added in ascending order. A
 * relative error of every shard is one of the whole. Kernel regression is {@link SparkAttention.Builder#gaussian}.
 *
 * <p>An immutable value.
 */
public final class SparkDensity {
    private static final Logger LOG = LoggerFactory.getLogger(SparkDensity.class);

    private static final String POINT = "point";
    private static final String LOG_WEIGHT = "logWeight";
    private static final String RESULT = "logSum";

    private final DensitySource source;
    private final long seed;
    private final Layout layout;
    private final int blockRows;
    private final long shardBytes;
    private final Plan plan;

    private SparkDensity(Builder options) {
        source = options.source;
        seed = options.seed;
        layout = options.layout;
        blockRows = options.blockRows;
        shardBytes = options.shardBytes;
        plan = options.plan;
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * The sums at all queries.
     *
     * @throws IllegalArgumentException if a column is missing or of another type, positions do not follow each other,
     *                                  widths differ or a head of queries has no points
     * @throws IllegalStateException    if executors cannot run the library
     */
    public Dataset<Row> run(Dataset<Row> queries, Dataset<Row> points) {
        SparkSession session = Objects.requireNonNull(queries, "queries").sparkSession();
        if (!Columns.has(Objects.requireNonNull(points, "points"), POINT)) {
            throw new IllegalArgumentException("data set must have a column " + POINT + ", got "
                    + String.join(", ", points.columns()));
        }
        ExecutorCheck.run(session);
        BlockSource asked = BlockSource.of(queries, layout, BlockSource.Side.QUERIES, blockRows);
        BlockSource known = BlockSource.of(points.drop(Columns.KEY, Columns.BIAS)
                .withColumnRenamed(POINT, Columns.KEY).withColumnRenamed(LOG_WEIGHT, Columns.BIAS), layout,
                BlockSource.Side.POINTS, blockRows);
        if (asked.queryWidth() != known.keyWidth()) {
            throw new IllegalArgumentException("query and point must have the same number of floats, got "
                    + asked.queryWidth() + " and " + known.keyWidth());
        }
        for (int head : asked.spans().heads().keySet()) {
            if (!known.spans().has(head)) {
                throw new IllegalArgumentException("every head of queries must have points, but head " + head
                        + " has none");
            }
        }
        return results(session, sums(JavaSparkContext.fromSparkContext(session.sparkContext()), asked, known));
    }

    private JavaRDD<Block> sums(JavaSparkContext context, BlockSource queries, BlockSource points) {
        int slots = Math.max(1, context.defaultParallelism() / context.getConf().getInt("spark.task.cpus", 1));
        Plan chosen = plan == null ? choose(queries, points) : plan;
        if (chosen == Plan.QUERIES) {
            Shard.checkWhole(points.spans().longest(), points.keyWidth());
        }
        LOG.info("kernel density: {}; {} queries, {} points; at most {}", chosen, queries.spans().allRows(),
                points.spans().allRows(), volume(chosen, queries, points));
        return new DensitySums(source, seed).run(context, queries, points, chosen,
                chosen == Plan.QUERIES ? Long.MAX_VALUE : shardBytes, slots);
    }

    private static Volume volume(Plan plan, BlockSource queries, BlockSource points) {
        int partitions = plan == Plan.KEYS ? points.keys().getNumPartitions() : 0;
        long rows = queries.spans().allRows();
        Volume attention = Volume.of(plan, rows, points.spans().allRows(), points.keyWidth(), 0, points.biased(),
                partitions);
        return new Volume(attention.broadcast(), partitions * rows * Double.BYTES);
    }

    /** The plan that the sizes ask for. */
    private Plan choose(BlockSource queries, BlockSource points) {
        if ((long) points.spans().longest() * points.keyRowBytes() <= shardBytes) {
            return Plan.QUERIES;
        }
        Volume stay = volume(Plan.KEYS, queries, points);
        Volume cut = volume(Plan.SHARDS, queries, points);
        return stay.broadcast() + stay.shuffled() < cut.broadcast() / 4 ? Plan.KEYS : Plan.SHARDS;
    }

    private Dataset<Row> results(SparkSession session, JavaRDD<Block> blocks) {
        StructType schema = new StructType().add(Columns.HEAD, DataTypes.IntegerType, false);
        if (layout == Layout.BLOCKS) {
            return session.createDataFrame(blocks.map(block -> RowFactory.create(block.head, block.start, block.rows,
                    block.bias)), schema.add(Columns.START, DataTypes.LongType, false)
                    .add(Columns.ROWS, DataTypes.IntegerType, false).add(RESULT, DataTypes.BinaryType, false));
        }
        return session.createDataFrame(blocks.flatMap(block -> {
            double[] sums = DensitySums.doubles(block.bias);
            List<Row> rows = new ArrayList<>(sums.length);
            for (int i = 0; i < sums.length; i++) {
                rows.add(RowFactory.create(block.head, block.start + i, sums[i]));
            }
            return rows.iterator();
        }), schema.add(Columns.POSITION, DataTypes.LongType, false).add(RESULT, DataTypes.DoubleType, false));
    }

    /** Options of sums of kernels on Spark. */
    public static final class Builder {
        private DensitySource source = seed -> KernelDensity.builder().seed(seed);
        private long seed;
        private Layout layout = Layout.ROWS;
        private int blockRows = 4096;
        private long shardBytes = 512L << 20;
        private Plan plan;

        private Builder() {
        }

        /** Kernel, estimator and error; a Gaussian of bandwidth 1 and exact sums by default. */
        public Builder density(DensitySource options) {
            source = Objects.requireNonNull(options, "options");
            return this;
        }

        /** What random choices follow from; default 0. */
        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /** What a row of the data sets is; default {@link Layout#ROWS}. */
        public Builder layout(Layout kind) {
            layout = Objects.requireNonNull(kind, "kind");
            return this;
        }

        /**
         * Rows that are packed into a block; default 4,096.
         *
         * @throws IllegalArgumentException if not between 16 and 1,048,576
         */
        public Builder blockRows(int rows) {
            blockRows = (int) SparkAttention.check("blockRows", rows, 16, 1 << 20);
            return this;
        }

        /**
         * Most bytes of points that are sent in one piece; default 512 MiB.
         *
         * @throws IllegalArgumentException if not between 1 and 2³⁰
         */
        public Builder shardBytes(long bytes) {
            shardBytes = SparkAttention.check("shardBytes", bytes, 1, SparkAttention.MOST_SHARD_BYTES);
            return this;
        }

        /**
         * How the sums are cut; null, the default, chooses by the sizes.
         *
         * @throws IllegalArgumentException if it is {@link Plan#PARTS} or {@link Plan#HEADS}
         */
        public Builder plan(Plan chosen) {
            if (chosen == Plan.PARTS || chosen == Plan.HEADS) {
                throw new IllegalArgumentException("plan must be QUERIES, SHARDS or KEYS for sums of kernels, got "
                        + chosen.name());
            }
            plan = chosen;
            return this;
        }

        /** Sums with these options. */
        public SparkDensity build() {
            source.make(seed);
            return new SparkDensity(this);
        }
    }
}
