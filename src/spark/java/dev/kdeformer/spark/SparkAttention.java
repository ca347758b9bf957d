package dev.kdeformer.spark;

import dev.kdeformer.Attention;
import dev.kdeformer.Calibration;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Attention over data sets of Apache Spark: softmax(scale · Q Kᵀ + bias + mask) V of one head or many, cut over a
 * cluster by one of the {@link Plan plans}. Columns are those of a {@link Layout}.
 *
 * <pre>{@code
 * Dataset<Row> outputs = SparkAttention.builder().method(seed -> Attention.pilot().seed(seed).build()).build()
 *         .run(spark.read().parquet("tokens.parquet"));
 * }</pre>
 *
 * <p>Positions of a head have to follow each other without a gap, from any first one on; rows may come in any order. A
 * causal call goes by them: a query sees the keys at its own position and at earlier ones.
 *
 * <p>The plan is chosen from the sizes and said in the log, together with what travels over the network and what a task
 * takes. Exact attention cuts queries; where the keys of a head fit into a shard, results are bit by bit those of a
 * single machine, else they are folded from shards in ascending order. Few queries against very many keys visit these
 * where they are. Pilot attention at a fixed cost is cut into {@link dev.kdeformer.pilot.PilotAttention#part parts}.
 * Any other method computes a head in one task. Bits never depend on which task is ready first, on failed and repeated
 * tasks or on speculation; they depend on the width of the executors' vectors.
 *
 * <p>What a call returns is lazy, as Spark's data sets are, but keys (and queries, where tasks need all of them) are
 * brought to the driver in shards and sent from there at once. An immutable value.
 */
public final class SparkAttention {
    static final long MOST_SHARD_BYTES = 1L << 30;

    private final Builder options;

    private SparkAttention(Builder options) {
        this.options = new Builder(options);
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Attention of tokens to each other.
     *
     * @param tokens queries, keys and values, as many queries as keys
     * @return the results, in the layout of the tokens
     * @throws IllegalArgumentException if a column is missing or of another type, positions do not follow each other,
     *                                  or the plan cannot do the method
     * @throws IllegalStateException    if executors cannot run the library
     */
    public Dataset<Row> run(Dataset<Row> tokens) {
        return job(Objects.requireNonNull(tokens, "tokens")).results();
    }

    /**
     * Attention of queries to keys.
     *
     * @param queries with the columns for queries
     * @param keys    with those for keys and values
     * @return the results, in the layout of the queries
     * @throws IllegalArgumentException if a column is missing or of another type, positions do not follow each other,
     *                                  a query head has no key head, or the plan cannot do the method
     * @throws IllegalStateException    if executors cannot run the library
     */
    public Dataset<Row> run(Dataset<Row> queries, Dataset<Row> keys) {
        return job(Objects.requireNonNull(queries, "queries"), Objects.requireNonNull(keys, "keys")).results();
    }

    /** A call that nothing has been sent for yet. */
    AttentionJob job(Dataset<Row> tokens) {
        if (options.groupSize > 1) {
            throw new IllegalArgumentException("groupSize must be 1 where queries and keys are one data set, got "
                    + options.groupSize);
        }
        ExecutorCheck.run(tokens.sparkSession());
        BlockSource both = BlockSource.of(tokens, options.layout, BlockSource.Side.BOTH, options.blockRows);
        return job(tokens.sparkSession(), both, both);
    }

    /** A call that nothing has been sent for yet. */
    AttentionJob job(Dataset<Row> queries, Dataset<Row> keys) {
        ExecutorCheck.run(queries.sparkSession());
        return job(queries.sparkSession(),
                BlockSource.of(queries, options.layout, BlockSource.Side.QUERIES, options.blockRows),
                BlockSource.of(keys, options.layout, BlockSource.Side.KEYS, options.blockRows));
    }

    private AttentionJob job(SparkSession session, BlockSource queries, BlockSource keys) {
        if (options.bandwidth == 0) {
            return new AttentionJob(session, options, null, queries, keys);
        }
        // About the keys of the first block, which are the same in every run.
        int head = keys.spans().heads().firstEntry().getKey();
        long start = keys.spans().start(head);
        Gaussian kernel = Gaussian.about(options.bandwidth, keys.keys(head, start, start + 1).first());
        return new AttentionJob(session, options, kernel, queries.with(kernel), keys.with(kernel));
    }

    static long check(String name, long value, long least, long most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(name + " must be between " + least + " and " + most + ", got " + value);
        }
        return value;
    }

    /** Options of attention on Spark. */
    public static final class Builder {
        MethodSource method = seed -> Attention.exact().build();
        long seed;
        Float scale;
        double bandwidth;
        boolean causal;
        int groupSize = 1;
        Map<Integer, Long> keyLengths = Map.of();
        Layout layout = Layout.ROWS;
        int blockRows = 4096;
        long shardBytes = 512L << 20;
        Plan plan;
        int parts;

        private Builder() {
        }

        private Builder(Builder other) {
            method = other.method;
            seed = other.seed;
            scale = other.scale;
            bandwidth = other.bandwidth;
            causal = other.causal;
            groupSize = other.groupSize;
            keyLengths = other.keyLengths;
            layout = other.layout;
            blockRows = other.blockRows;
            shardBytes = other.shardBytes;
            plan = other.plan;
            parts = other.parts;
        }

        /** The method; exact attention by default. */
        public Builder method(MethodSource source) {
            method = Objects.requireNonNull(source, "source");
            return this;
        }

        /**
         * A method within an error budget whose efforts were found before: each task begins with those of its heads,
         * and only checks them.
         *
         * @param source  makes the method with a budget and the efforts of some heads
         * @param efforts of query heads 0, 1 and so on; where there are more heads than efforts, as many batch items
         *                have, they begin anew
         */
        public Builder method(CalibratedSource source, Calibration efforts) {
            method = new CalibratedMethods(Objects.requireNonNull(source, "source"),
                    Objects.requireNonNull(efforts, "efforts"));
            return this;
        }

        /** What the method is made with; default 0. */
        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /**
         * The factor before the logits; default 1/√d.
         *
         * @throws IllegalArgumentException if it is not finite
         */
        public Builder scale(float factor) {
            if (!Float.isFinite(factor)) {
                throw new IllegalArgumentException("scale must be finite, got " + factor);
            }
            scale = factor;
            return this;
        }

        /**
         * Takes the Gaussian kernel exp(−‖query − key‖² / (2h²)) for weights instead of exponentials of products: the
         * output is then kernel regression (the Nadaraya–Watson mean of the values), and the log-sum-exp the logarithm
         * of the kernel's sum. A bias is the logarithm of a key's weight. Vectors are taken relative to the mean of
         * some keys.
         *
         * @param bandwidth h, in units of the vectors
         * @throws IllegalArgumentException if it is not positive, or 1/h² is not within float32
         */
        public Builder gaussian(double bandwidth) {
            float factor = (float) (1 / (bandwidth * bandwidth));
            if (!(bandwidth > 0 && factor > 0 && factor < Float.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("bandwidth must be positive and 1/bandwidth^2 within float32, got "
                        + bandwidth);
            }
            this.bandwidth = bandwidth;
            return this;
        }

        /** Lets a query see the keys at its own position and at earlier ones only. */
        public Builder causal() {
            causal = true;
            return this;
        }

        /**
         * Query heads that share a key head: query head h reads key head h / size; default 1.
         *
         * @throws IllegalArgumentException if not positive
         */
        public Builder groupSize(int size) {
            groupSize = (int) check("groupSize", size, 1, Integer.MAX_VALUE);
            return this;
        }

        /**
         * How many keys of a head are valid; those after them are padding that no query sees. Heads that are not named
         * have no padding.
         *
         * @throws IllegalArgumentException if a length is negative
         */
        public Builder keyLengths(Map<Integer, Long> lengths) {
            lengths.forEach((head, length) -> check("length of head " + head, length, 0, Integer.MAX_VALUE));
            keyLengths = Map.copyOf(lengths);
            return this;
        }

        /** What a row of the data sets is; default {@link Layout#ROWS}. */
        public Builder layout(Layout kind) {
            layout = Objects.requireNonNull(kind, "kind");
            return this;
        }

        /**
         * Tokens that are packed into a block, the queries of one task; default 4,096. Without effect on blocks.
         *
         * @throws IllegalArgumentException if not between 16 and 1,048,576
         */
        public Builder blockRows(int rows) {
            blockRows = (int) check("blockRows", rows, 16, 1 << 20);
            return this;
        }

        /**
         * Most bytes of keys and values that are sent in one piece; default 512 MiB. Where exact attention folds
         * shards, the bits depend on it. More than half of {@code spark.driver.maxResultSize} may be too much.
         *
         * @throws IllegalArgumentException if not between 1 and 2³⁰
         */
        public Builder shardBytes(long bytes) {
            shardBytes = check("shardBytes", bytes, 1, MOST_SHARD_BYTES);
            return this;
        }

        /** How the call is cut; null, the default, chooses by the sizes. */
        public Builder plan(Plan chosen) {
            plan = chosen;
            return this;
        }

        /**
         * Parts of a head under {@link Plan#PARTS}; 0, the default, for one for each task that the cluster can run at
         * the same time.
         *
         * @throws IllegalArgumentException if not between 0 and 4,096
         */
        public Builder parts(int count) {
            parts = (int) check("parts", count, 0, 4096);
            return this;
        }

        /**
         * Attention with these options.
         *
         * @throws IllegalArgumentException if there is a scale and a Gaussian kernel, or the method's own builder
         *                                  refuses
         */
        public SparkAttention build() {
            if (bandwidth > 0 && scale != null) {
                throw new IllegalArgumentException("scale must not be given with a Gaussian kernel, whose bandwidth"
                        + " decides, got " + scale);
            }
            method.make(seed);
            return new SparkAttention(this);
        }

    }
}
