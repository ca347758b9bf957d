package dev.kdeformer.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.kdeformer.Attention;
import dev.kdeformer.Engine;
import dev.kdeformer.kde.Estimator;
import dev.kdeformer.kde.Kernel;
import dev.kdeformer.kde.KernelDensity;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class SparkDensityTest {
    private static final double WIDTH = 1.3;

    private static SparkSession spark;

    /** Two sets of points of three features with weights, one of them of no weight. */
    private final SparkCase some = new SparkCase(2, 1, 500, 1700, 3, 2, true);

    @BeforeAll
    static void start() {
        spark = SparkCase.session();
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private SparkDensity.Builder exact() {
        return SparkDensity.builder().blockRows(SparkCase.BLOCK)
                .density(seed -> KernelDensity.builder().kernel(Kernel.gaussian(WIDTH)));
    }

    private Dataset<Row> points() {
        return some.keyRows(spark).selectExpr("head", "position", "key as point", "bias as logWeight");
    }

    private double[][] collect(Dataset<Row> results) {
        double[][] sums = new double[some.keyHeads][some.query.shape().rows()];
        for (Row row : results.collectAsList()) {
            sums[row.getInt(0)][(int) row.getLong(1)] = row.getDouble(2);
        }
        return sums;
    }

    /** The sums by their definition. */
    private double[][] defined() {
        double[][] sums = new double[some.keyHeads][some.query.shape().rows()];
        for (int h = 0; h < sums.length; h++) {
            Matrix points = some.key.matrix(0, h);
            for (int i = 0; i < sums[h].length; i++) {
                double sum = 0;
                for (int j = 0; j < points.rows(); j++) {
                    double square = 0;
                    for (int c = 0; c < points.columns(); c++) {
                        square += Math.pow((double) some.query.matrix(0, h).get(i, c) - points.get(j, c), 2);
                    }
                    sum += Math.exp(some.bias.matrix(0, h).get(0, j) - square / (2 * WIDTH * WIDTH));
                }
                sums[h][i] = Math.log(sum);
            }
        }
        return sums;
    }

    private static void assertClose(double[][] expected, double[][] actual, double relative) {
        for (int h = 0; h < expected.length; h++) {
            for (int i = 0; i < expected[h].length; i++) {
                assertEquals(1, Math.exp(actual[h][i] - expected[h][i]), relative, "query " + i + " of head " + h);
            }
        }
    }

    @Test
    void sumsOfEveryPlanAreThoseDefined() {
        for (Plan plan : new Plan[] {Plan.QUERIES, Plan.SHARDS, Plan.KEYS}) {
            SparkDensity density = exact().plan(plan).shardBytes(9000).build();
            double[][] once = collect(density.run(some.queryRows(spark), points()));
            assertClose(defined(), once, 2e-5);
            double[][] again = collect(density.run(some.queryRows(spark), points()));
            for (int h = 0; h < once.length; h++) {
                assertArrayEquals(once[h], again[h]);
            }
        }
    }

    @Test
    void wholeSumsHaveTheBitsOfOneMachine() {
        double[][] sums = collect(exact().build().run(some.queryRows(spark), points()));
        try (Engine engine = Engine.create(1)) {
            for (int h = 0; h < sums.length; h++) {
                double[] logs = new double[some.key.shape().rows()];
                for (int j = 0; j < logs.length; j++) {
                    logs[j] = some.bias.matrix(0, h).get(0, j);
                }
                Tensor points = some.key.head(0, h);
                double[] alone = new double[sums[h].length];
                try (KernelDensity density = KernelDensity.builder().kernel(Kernel.gaussian(WIDTH)).logWeights(logs)
                        .build(engine, points)) {
                    density.query(engine, some.query.head(0, h), alone);
                }
                assertArrayEquals(alone, sums[h]);
            }
        }
    }

    @Test
    void approximateSumsKeepTheirError() {
        SparkDensity tree = SparkDensity.builder().blockRows(SparkCase.BLOCK).shardBytes(9000).seed(3)
                .plan(Plan.SHARDS).density(seed -> KernelDensity.builder().kernel(Kernel.gaussian(WIDTH))
                        .estimator(Estimator.TREE).relativeError(0.05).seed(seed)).build();
        assertClose(defined(), collect(tree.run(some.queryRows(spark), points())), 0.0501);
    }

    @Test
    void blocksGiveDoublesInBlocks() {
        SparkCase flat = new SparkCase(1, 1, 400, 600, 3, 2, false);
        Dataset<Row> results = exact().layout(Layout.BLOCKS).build().run(flat.queryBlocks(spark),
                flat.keyBlocks(spark).withColumnRenamed("key", "point"));
        Dataset<Row> rows = exact().build().run(flat.queryRows(spark),
                flat.keyRows(spark).withColumnRenamed("key", "point"));
        double[] expected = new double[400];
        rows.collectAsList().forEach(row -> expected[(int) row.getLong(1)] = row.getDouble(2));
        double[] actual = new double[400];
        for (Row row : results.collectAsList()) {
            ByteBuffer buffer = ByteBuffer.wrap(row.getAs(3)).order(ByteOrder.LITTLE_ENDIAN);
            buffer.asDoubleBuffer().get(actual, (int) row.getLong(1), row.getInt(2));
        }
        assertArrayEquals(expected, actual);
    }

    @Test
    void regressionIsTheMeanOfValuesUnderTheKernel() {
        SparkAttention.Builder options = SparkAttention.builder().blockRows(SparkCase.BLOCK).gaussian(WIDTH);
        float[][][] expected = regression();
        SparkCase.assertClose(expected, some.collect(options.build().run(some.queryRows(spark),
                some.keyRows(spark))), 1e-5);
        SparkCase.assertClose(expected, some.collect(options.plan(Plan.KEYS).build().run(some.queryRows(spark),
                some.keyRows(spark))), 1e-5);
        SparkCase.assertClose(expected, some.collect(options.plan(null).parts(3)
                .method(seed -> Attention.pilot().near(1200).build()).build()
                .run(some.queryRows(spark), some.keyRows(spark))), 0.01);
    }

    private float[][][] regression() {
        double[][] logs = defined();
        float[][][] rows = new float[some.keyHeads][some.query.shape().rows()][3];
        for (int h = 0; h < rows.length; h++) {
            for (int i = 0; i < rows[h].length; i++) {
                double[] mean = new double[2];
                for (int j = 0; j < some.key.shape().rows(); j++) {
                    double square = 0;
                    for (int c = 0; c < 3; c++) {
                        square += Math.pow((double) some.query.matrix(0, h).get(i, c)
                                - some.key.matrix(0, h).get(j, c), 2);
                    }
                    double weight = Math.exp(some.bias.matrix(0, h).get(0, j) - square / (2 * WIDTH * WIDTH)
                            - logs[h][i]);
                    mean[0] += weight * some.value.matrix(0, h).get(j, 0);
                    mean[1] += weight * some.value.matrix(0, h).get(j, 1);
                }
                rows[h][i] = new float[] {(float) mean[0], (float) mean[1], (float) logs[h][i]};
            }
        }
        return rows;
    }

    @Test
    void refusesWithASentence() {
        assertEquals("data set must have a column point, got head, position, key, value, bias",
                assertThrows(IllegalArgumentException.class, () -> exact().build().run(some.queryRows(spark),
                        some.keyRows(spark))).getMessage());
        assertEquals("plan must be QUERIES, SHARDS or KEYS for sums of kernels, got PARTS",
                assertThrows(IllegalArgumentException.class, () -> exact().plan(Plan.PARTS)).getMessage());
        assertEquals("every head of queries must have points, but head 9 has none",
                assertThrows(IllegalArgumentException.class, () -> exact().build()
                        .run(some.queryRows(spark).selectExpr("9 as head", "position", "query")
                                .dropDuplicates("position"), points())).getMessage());
        assertEquals("bandwidth must be positive and 1/bandwidth^2 within float32, got 0.0",
                assertThrows(IllegalArgumentException.class, () -> SparkAttention.builder().gaussian(0)).getMessage());
    }
}
