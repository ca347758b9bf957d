package dev.kdeformer.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.lit;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.storage.StorageLevel;

/**
 * Queries, keys or both of a data set, as blocks. Single tokens are packed once, which shuffles them, and kept where
 * Spark keeps what it caches until nothing refers to it any more; blocks are read where they are wanted, no columns but
 * those.
 */
final class BlockSource implements Serializable {
    private static final long serialVersionUID = 1;

    /** What is taken of a data set. */
    enum Side {
        QUERIES("queries", true, false),
        KEYS("keys", false, true),
        /** Points of a density: keys without values. */
        POINTS("points", false, true),
        BOTH("tokens", true, true);

        final String title;
        final boolean hasQueries;
        final boolean hasKeys;

        Side(String title, boolean hasQueries, boolean hasKeys) {
            this.title = title;
            this.hasQueries = hasQueries;
            this.hasKeys = hasKeys;
        }

        boolean hasValues() {
            return hasKeys && this != POINTS;
        }
    }

    private final transient Dataset<Row> data;
    private final Side side;
    private final Spans spans;
    /** Floats of queries, of keys and of values. */
    private final int queryWidth;
    private final int keyWidth;
    private final int valueWidth;
    private final boolean biased;
    /** Null where the data set has blocks. */
    private final transient JavaRDD<Block> packed;
    /** Null where queries and keys are taken as they are. */
    private final Gaussian gaussian;

    private BlockSource(Dataset<Row> data, Side side, Spans spans, Block first, boolean biased,
            JavaRDD<Block> packed) {
        this.gaussian = null;
        this.data = data;
        this.side = side;
        this.spans = spans;
        this.queryWidth = side.hasQueries ? width(Columns.QUERY, first.query, first) : 0;
        this.keyWidth = side.hasKeys ? width(Columns.KEY, first.key, first) : 0;
        this.valueWidth = side.hasValues() ? width(Columns.VALUE, first.value, first) : 0;
        this.biased = biased;
        this.packed = packed;
    }

    private BlockSource(BlockSource other, Gaussian gaussian) {
        data = other.data;
        side = other.side;
        spans = other.spans;
        queryWidth = other.queryWidth;
        keyWidth = other.keyWidth;
        valueWidth = other.valueWidth;
        biased = other.biased;
        packed = other.packed;
        this.gaussian = gaussian;
    }

    /** The same with queries and keys as a Gaussian kernel needs them. */
    BlockSource with(Gaussian kernel) {
        return new BlockSource(this, kernel);
    }

    private static int width(String column, byte[] bytes, Block block) {
        int width = bytes == null ? 0 : Block.columns(bytes, block.rows);
        block.check(column, bytes, Math.max(1, width));
        return width;
    }

    /**
     * Looks at a data set: which blocks it has, which is one pass over the columns that say so.
     *
     * @param blockRows tokens of a block where single ones are packed
     */
    static BlockSource of(Dataset<Row> data, Layout layout, Side side, int blockRows) {
        return layout == Layout.ROWS ? ofTokens(data, side, blockRows) : ofBlocks(data, side);
    }

    private static BlockSource ofTokens(Dataset<Row> data, Side side, int blockRows) {
        boolean biased = side.hasKeys && Columns.has(data, Columns.BIAS);
        Column head = Columns.integer(data, Columns.HEAD, DataTypes.IntegerType);
        Column position = Columns.integer(data, Columns.POSITION, DataTypes.LongType);
        Dataset<Row> tokens = data.select(head, position, Columns.floats(data, Columns.QUERY, side.hasQueries),
                        Columns.floats(data, Columns.KEY, side.hasKeys),
                        Columns.floats(data, Columns.VALUE, side.hasValues()), Columns.bias(data, side.hasKeys))
                .withColumn("block", expr("position div " + blockRows + "L"))
                .repartition(col(Columns.HEAD), col("block"))
                .sortWithinPartitions(Columns.HEAD, "block", Columns.POSITION);
        JavaRDD<Block> packed = tokens.as(Encoders.bean(TokenRow.class)).toJavaRDD().mapPartitions(Packing::new)
                .persist(StorageLevel.MEMORY_AND_DISK());
        List<Spans.Span> blocks = packed.map(block -> new Spans.Span(block.head, block.start, block.rows)).collect();
        Spans spans = Spans.of(side.title, blocks);
        return new BlockSource(null, side, spans, packed.first(), biased, packed);
    }

    private static BlockSource ofBlocks(Dataset<Row> data, Side side) {
        boolean biased = side.hasKeys && Columns.has(data, Columns.BIAS);
        List<Column> columns = new ArrayList<>(List.of(Columns.integer(data, Columns.HEAD, DataTypes.IntegerType),
                Columns.integer(data, Columns.START, DataTypes.LongType),
                Columns.integer(data, Columns.ROWS, DataTypes.IntegerType)));
        List<Spans.Span> blocks = new ArrayList<>();
        for (Row row : data.select(columns.toArray(Column[]::new)).collectAsList()) {
            blocks.add(new Spans.Span(row.getInt(0), row.getLong(1), row.getInt(2)));
        }
        Spans spans = Spans.of(side.title, blocks);
        columns.add(side.hasQueries ? Columns.binary(data, Columns.QUERY) : nothing(Columns.QUERY));
        columns.add(side.hasKeys ? Columns.binary(data, Columns.KEY) : nothing(Columns.KEY));
        columns.add(side.hasValues() ? Columns.binary(data, Columns.VALUE) : nothing(Columns.VALUE));
        columns.add(biased ? Columns.binary(data, Columns.BIAS) : nothing(Columns.BIAS));
        Dataset<Row> wanted = data.select(columns.toArray(Column[]::new));
        return new BlockSource(wanted, side, spans, block(wanted.first()), biased, null);
    }

    private static Column nothing(String name) {
        return lit(null).cast(DataTypes.BinaryType).as(name);
    }

    private static Block block(Row row) {
        Block block = new Block(row.getInt(0), row.getLong(1), row.getInt(2));
        block.query = row.getAs(3);
        block.key = row.getAs(4);
        block.value = row.getAs(5);
        block.bias = row.getAs(6);
        return block;
    }

    Spans spans() {
        return spans;
    }

    int queryWidth() {
        return queryWidth;
    }

    int keyWidth() {
        return keyWidth;
    }

    int valueWidth() {
        return valueWidth;
    }

    /** Whether keys have biases when they are read. */
    boolean biased() {
        return biased || gaussian != null && side.hasKeys;
    }

    /** Bytes of a row of a key, its value and its bias. */
    int keyRowBytes() {
        return (keyWidth + valueWidth + (biased() ? 1 : 0)) * Float.BYTES;
    }

    /** The blocks of queries. */
    JavaRDD<Block> queries() {
        JavaRDD<Block> blocks = packed != null ? packed.map(Block::queries)
                : data.withColumn(Columns.KEY, nothing(Columns.KEY)).withColumn(Columns.VALUE, nothing(Columns.VALUE))
                        .withColumn(Columns.BIAS, nothing(Columns.BIAS)).toJavaRDD().map(BlockSource::block);
        BlockSource self = this;
        return blocks.map(block -> {
            block.check(Columns.QUERY, block.query, self.queryWidth);
            return self.gaussian == null ? block : self.gaussian.queries(block);
        });
    }

    /** The blocks of keys and values; those of a partition ascend. */
    JavaRDD<Block> keys() {
        return checkedKeys(packed != null ? packed : read(lit(true))
                .sortWithinPartitions(Columns.HEAD, Columns.START).toJavaRDD().map(BlockSource::block));
    }

    /** The blocks of keys and values of a head at positions that overlap [from, to). */
    JavaRDD<Block> keys(int head, long from, long to) {
        return checkedKeys(packed != null
                ? packed.filter(block -> block.head == head && block.start < to && block.end() > from)
                : read(col(Columns.HEAD).equalTo(head).and(col(Columns.START).lt(to))
                        .and(col(Columns.START).plus(col(Columns.ROWS)).gt(from))).toJavaRDD()
                        .map(BlockSource::block));
    }

    /** The blocks of queries of a head at positions that overlap [from, to). */
    JavaRDD<Block> queries(int head, long from, long to) {
        return queries().filter(block -> block.head == head && block.start < to && block.end() > from);
    }

    private Dataset<Row> read(Column filter) {
        return data.where(filter).withColumn(Columns.QUERY, nothing(Columns.QUERY));
    }

    private JavaRDD<Block> checkedKeys(JavaRDD<Block> blocks) {
        BlockSource self = this;
        return blocks.map(block -> self.check(block));
    }

    private Block check(Block block) {
        block.check(Columns.KEY, block.key, keyWidth);
        if (side.hasValues()) {
            block.check(Columns.VALUE, block.value, valueWidth);
        }
        if (biased) {
            block.check(Columns.BIAS, block.bias, 1);
        }
        return gaussian == null ? block : gaussian.keys(block);
    }
}
