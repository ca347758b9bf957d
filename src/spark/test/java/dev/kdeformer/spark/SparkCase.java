package dev.kdeformer.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import scala.jdk.javaapi.CollectionConverters;

/** Random queries, keys and values, as tensors and as data sets, and what a single machine makes of them. */
final class SparkCase {
    static final int BLOCK = 256;

    final int keyHeads;
    final int groupSize;
    final Tensor query;
    final Tensor key;
    final Tensor value;
    final Tensor bias;

    SparkCase(int keyHeads, int groupSize, int n, int m, int d, int dv, boolean biased) {
        this.keyHeads = keyHeads;
        this.groupSize = groupSize;
        SplittableRandom random = new SplittableRandom(n * 31L + m);
        query = normal(Shape.of(1, keyHeads * groupSize, n, d), random, 1.5);
        key = normal(Shape.of(1, keyHeads, m, d), random, 1);
        value = normal(Shape.of(1, keyHeads, m, dv), random, 1);
        bias = biased ? normal(Shape.of(1, keyHeads, 1, m), random, 1) : null;
        if (biased) {
            bias.matrix(0, 0).set(0, 3, Float.NEGATIVE_INFINITY);
        }
    }

    private static Tensor normal(Shape shape, SplittableRandom random, double scale) {
        float[] values = new float[(int) shape.elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (scale * random.nextGaussian());
        }
        return Tensor.copyOf(Arena.ofAuto(), shape, values);
    }

    /** A session that listens to nothing but loopback and tries a task three times. */
    static SparkSession session() {
        return SparkSession.builder().master("local[2,3]").appName("kdeformer")
                .config("spark.ui.enabled", false).config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.driver.host", "127.0.0.1").config("spark.sql.shuffle.partitions", 2)
                .config("spark.shuffle.compress", false).config("spark.sql.codegen.wholeStage", false)
                .getOrCreate();
    }

    AttentionInput input() {
        AttentionInput input = AttentionInput.of(query, key, value);
        return bias == null ? input : input.withKeyBias(bias);
    }

    /** What the queries are given: output and log-sum-exp side by side. */
    static float[][][] alone(AttentionMethod method, AttentionInput input) {
        Tensor output = Tensor.allocate(Arena.ofAuto(), input.outputShape());
        Tensor sums = Tensor.allocate(Arena.ofAuto(), input.outputShape().withColumns(1));
        try (Engine engine = Engine.create(1)) {
            method.apply(engine, input, output, sums);
        }
        float[][][] rows = new float[input.heads()][input.queries()][input.dv() + 1];
        for (int h = 0; h < rows.length; h++) {
            for (int i = 0; i < rows[h].length; i++) {
                output.matrix(0, h).readRow(i, rows[h][i], 0);
                rows[h][i][input.dv()] = sums.matrix(0, h).get(i, 0);
            }
        }
        return rows;
    }

    Dataset<Row> queryRows(SparkSession session) {
        List<Row> rows = new ArrayList<>();
        for (int h = 0; h < query.shape().heads(); h++) {
            for (int i = 0; i < query.shape().rows(); i++) {
                rows.add(RowFactory.create(h, (long) i, row(query, h, i)));
            }
        }
        Collections.shuffle(rows, new Random(1));
        return session.createDataFrame(rows, new StructType().add("head", DataTypes.IntegerType)
                .add("position", DataTypes.LongType).add("query", DataTypes.createArrayType(DataTypes.FloatType)));
    }

    Dataset<Row> keyRows(SparkSession session) {
        StructType schema = new StructType().add("head", DataTypes.IntegerType).add("position", DataTypes.LongType)
                .add("key", DataTypes.createArrayType(DataTypes.FloatType))
                .add("value", DataTypes.createArrayType(DataTypes.FloatType));
        List<Row> rows = new ArrayList<>();
        for (int h = 0; h < keyHeads; h++) {
            for (int j = 0; j < key.shape().rows(); j++) {
                List<Object> cells = new ArrayList<>(List.of(h, (long) j, row(key, h, j), row(value, h, j)));
                if (bias != null) {
                    cells.add(bias.matrix(0, h).get(0, j));
                }
                rows.add(RowFactory.create(cells.toArray()));
            }
        }
        Collections.shuffle(rows, new Random(2));
        return session.createDataFrame(rows, bias == null ? schema : schema.add("bias", DataTypes.FloatType));
    }

    /** Queries, keys and values in one. */
    Dataset<Row> tokenRows(SparkSession session) {
        return queryRows(session).join(keyRows(session), CollectionConverters.asScala(List.of("head", "position"))
                .toSeq());
    }

    Dataset<Row> queryBlocks(SparkSession session) {
        List<Row> rows = new ArrayList<>();
        for (int h = 0; h < query.shape().heads(); h++) {
            for (int from = 0; from < query.shape().rows(); from += BLOCK) {
                int count = Math.min(BLOCK, query.shape().rows() - from);
                rows.add(RowFactory.create(h, (long) from, count, bytes(query.matrix(0, h), from, count)));
            }
        }
        Collections.shuffle(rows, new Random(3));
        return session.createDataFrame(rows, new StructType().add("head", DataTypes.IntegerType)
                .add("start", DataTypes.LongType).add("rows", DataTypes.IntegerType)
                .add("query", DataTypes.BinaryType)).repartition(3);
    }

    Dataset<Row> keyBlocks(SparkSession session) {
        List<Row> rows = new ArrayList<>();
        for (int h = 0; h < keyHeads; h++) {
            for (int from = 0; from < key.shape().rows(); from += BLOCK) {
                int count = Math.min(BLOCK, key.shape().rows() - from);
                rows.add(RowFactory.create(h, (long) from, count, bytes(key.matrix(0, h), from, count),
                        bytes(value.matrix(0, h), from, count)));
            }
        }
        Collections.shuffle(rows, new Random(4));
        return session.createDataFrame(rows, new StructType().add("head", DataTypes.IntegerType)
                .add("start", DataTypes.LongType).add("rows", DataTypes.IntegerType)
                .add("key", DataTypes.BinaryType).add("value", DataTypes.BinaryType)).repartition(3);
    }

    private static float[] row(Tensor tensor, int head, int row) {
        float[] values = new float[tensor.shape().columns()];
        tensor.matrix(0, head).readRow(row, values, 0);
        return values;
    }

    private static byte[] bytes(Matrix matrix, int from, int count) {
        ByteBuffer buffer = ByteBuffer.allocate(count * matrix.columns() * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = from; i < from + count; i++) {
            for (int c = 0; c < matrix.columns(); c++) {
                buffer.putFloat(matrix.get(i, c));
            }
        }
        return buffer.array();
    }

    /** Results in either layout, as {@link #alone} has them. */
    float[][][] collect(Dataset<Row> results) {
        int dv = value.shape().columns();
        float[][][] rows = new float[query.shape().heads()][query.shape().rows()][];
        boolean blocks = List.of(results.columns()).contains("start");
        for (Row row : results.collectAsList()) {
            int head = row.getInt(0);
            int start = (int) row.getLong(1);
            if (!blocks) {
                List<Float> output = row.getList(2);
                assertEquals(dv, output.size());
                rows[head][start] = new float[dv + 1];
                for (int c = 0; c < dv; c++) {
                    rows[head][start][c] = output.get(c);
                }
                rows[head][start][dv] = row.getFloat(3);
                continue;
            }
            ByteBuffer output = ByteBuffer.wrap(row.getAs(3)).order(ByteOrder.LITTLE_ENDIAN);
            ByteBuffer sums = ByteBuffer.wrap(row.getAs(4)).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = start; i < start + row.getInt(2); i++) {
                rows[head][i] = new float[dv + 1];
                for (int c = 0; c < dv; c++) {
                    rows[head][i][c] = output.getFloat();
                }
                rows[head][i][dv] = sums.getFloat();
            }
        }
        return rows;
    }

    static void assertBits(float[][][] expected, float[][][] actual) {
        for (int h = 0; h < expected.length; h++) {
            for (int i = 0; i < expected[h].length; i++) {
                assertNotNull(actual[h][i], "no row " + i + " of head " + h);
                assertArrayEquals(expected[h][i], actual[h][i], "row " + i + " of head " + h);
            }
        }
    }

    /** Compares the largest difference with the largest element. */
    static void assertClose(float[][][] expected, float[][][] actual, double tolerance) {
        double largest = 0;
        double difference = 0;
        for (int h = 0; h < expected.length; h++) {
            for (int i = 0; i < expected[h].length; i++) {
                assertNotNull(actual[h][i], "no row " + i + " of head " + h);
                for (int c = 0; c < expected[h][i].length; c++) {
                    if (expected[h][i][c] == actual[h][i][c]) {
                        continue; // both −∞, too
                    }
                    largest = Math.max(largest, Math.abs(expected[h][i][c]));
                    double apart = Math.abs((double) expected[h][i][c] - actual[h][i][c]);
                    difference = apart <= difference ? difference : apart;
                }
            }
        }
        assertEquals(0, difference / Math.max(1, largest), tolerance);
    }
}
