package dev.kdeformer.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Calibration;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.Mask;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.apache.spark.TaskContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class SparkAttentionTest {
    private static final AttentionMethod EXACT = Attention.exact().build();

    private static SparkSession spark;

    @BeforeAll
    static void start() {
        spark = SparkCase.session();
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private static SparkAttention.Builder exact() {
        return SparkAttention.builder().blockRows(SparkCase.BLOCK);
    }

    /** Exact attention whose every second task throws twice before it is done. */
    private static SparkAttention.Builder failing() {
        return exact().method(seed -> {
            TaskContext task = TaskContext.get();
            if (task != null && task.attemptNumber() < 2 && task.partitionId() % 2 == 0) {
                throw new IllegalStateException("thrown on purpose");
            }
            return Attention.exact().build();
        });
    }

    @Test
    void rowsHaveTheBitsOfOneMachine() {
        SparkCase some = new SparkCase(2, 1, 1100, 1100, 24, 16, false);
        SparkCase.assertBits(SparkCase.alone(EXACT, some.input()),
                some.collect(exact().build().run(some.tokenRows(spark))));
        SparkCase.assertBits(SparkCase.alone(EXACT, some.input().withMask(Mask.causal()).withScale(0.1f)),
                some.collect(exact().causal().scale(0.1f).build().run(some.tokenRows(spark))));
    }

    @Test
    void blocksOfParquetFilesHaveThemToo(@TempDir Path folder) {
        SparkCase some = new SparkCase(2, 1, 700, 900, 24, 16, false);
        some.queryBlocks(spark).write().parquet(folder.resolve("queries").toString());
        some.keyBlocks(spark).write().parquet(folder.resolve("keys").toString());
        SparkAttention attention = failing().layout(Layout.BLOCKS).build();
        Dataset<Row> results = attention.run(spark.read().parquet(folder.resolve("queries").toString()),
                spark.read().parquet(folder.resolve("keys").toString()));
        float[][][] expected = SparkCase.alone(EXACT, some.input());
        SparkCase.assertBits(expected, some.collect(results));
        results.write().parquet(folder.resolve("results").toString());
        SparkCase.assertBits(expected, some.collect(spark.read().parquet(folder.resolve("results").toString())));
    }

    @Test
    void sharedKeysBiasesAndPaddingAreThoseOfOneMachine() {
        SparkCase some = new SparkCase(1, 2, 600, 800, 16, 8, true);
        AttentionInput input = some.input().withMask(Mask.causalUpperLeft().withKeyLengths(333));
        Dataset<Row> results = exact().groupSize(2).causal().keyLengths(Map.of(0, 333L)).build()
                .run(some.queryRows(spark), some.keyRows(spark));
        SparkCase.assertBits(SparkCase.alone(EXACT, input), some.collect(results));
    }

    @Test
    void foldedShardsAreCloseAndAlwaysTheSame() {
        SparkCase some = new SparkCase(2, 1, 600, 1500, 16, 8, true);
        SparkAttention.Builder sharded = failing().shardBytes(40_000);
        assertEquals(4, Shard.cut(Spans.of("keys", List.of(new Spans.Span(0, 0, 1500))), 0, 100, 40_000)
                .size());
        float[][][] once = some.collect(sharded.plan(Plan.SHARDS).build().run(some.queryRows(spark),
                some.keyRows(spark)));
        SparkCase.assertClose(SparkCase.alone(EXACT, some.input()), once, 2e-6);
        SparkCase.assertBits(once, some.collect(exact().shardBytes(40_000).plan(Plan.SHARDS).blockRows(128).build()
                .run(some.queryRows(spark), some.keyRows(spark))));
        float[][][] causal = some.collect(sharded.causal().keyLengths(Map.of(1, 1000L)).build()
                .run(some.queryRows(spark), some.keyRows(spark)));
        AttentionInput masked = some.input().withMask(Mask.causalUpperLeft());
        float[][][] expected = SparkCase.alone(EXACT, masked);
        SparkCase.assertClose(expected, causal, 2e-6);
    }

    @Test
    void keysThatStayAreMergedInOrder() {
        SparkCase some = new SparkCase(1, 2, 300, 1500, 16, 8, false);
        SparkAttention.Builder stay = exact().plan(Plan.KEYS).groupSize(2).layout(Layout.BLOCKS);
        Dataset<Row> keys = some.keyBlocks(spark);
        float[][][] once = some.collect(stay.build().run(some.queryBlocks(spark), keys));
        SparkCase.assertClose(SparkCase.alone(EXACT, some.input()), once, 2e-6);
        SparkCase.assertBits(once, some.collect(failing().plan(Plan.KEYS).groupSize(2).layout(Layout.BLOCKS).build()
                .run(some.queryBlocks(spark), keys)));
        // The first key is hidden, so that the first query sees none.
        SparkCase causal = new SparkCase(1, 1, 300, 700, 16, 8, true);
        causal.bias.matrix(0, 0).set(0, 0, Float.NEGATIVE_INFINITY);
        SparkCase.assertClose(SparkCase.alone(EXACT, causal.input().withMask(Mask.causalUpperLeft())),
                causal.collect(exact().plan(Plan.KEYS).causal().build().run(causal.queryRows(spark),
                        causal.keyRows(spark))), 2e-6);
    }

    @Test
    void queriesThatSeeNothingGetZeros() {
        SparkCase some = new SparkCase(1, 1, 300, 300, 16, 8, false);
        for (Plan plan : new Plan[] {Plan.QUERIES, Plan.KEYS, Plan.HEADS}) {
            float[][][] results = some.collect(exact().plan(plan).keyLengths(Map.of(0, 0L)).build()
                    .run(some.tokenRows(spark)));
            for (float[] row : results[0]) {
                assertEquals(Float.NEGATIVE_INFINITY, row[8]);
                assertEquals(0, row[0]);
            }
        }
    }

    @Test
    void partsOfPilotAttentionAreTheWholeCall() {
        SparkCase some = new SparkCase(2, 2, 1200, 1200, 24, 16, false);
        AttentionMethod pilot = Attention.pilot().near(48).tile(32).build();
        float[][][] expected = SparkCase.alone(pilot, some.input());
        SparkAttention.Builder parts = exact().groupSize(2).method(seed -> Attention.pilot().near(48).tile(32)
                .build());
        for (int count : new int[] {1, 4, 16}) {
            SparkCase.assertBits(expected, some.collect(parts.parts(count).build().run(some.queryRows(spark),
                    some.keyRows(spark))));
        }
        SparkCase.assertBits(expected, some.collect(parts.shardBytes(50_000).build().run(some.queryRows(spark),
                some.keyRows(spark))));
        SparkCase.assertBits(SparkCase.alone(pilot, some.input().withMask(Mask.causal())),
                some.collect(parts.causal().build().run(some.queryRows(spark), some.keyRows(spark))));
    }

    @Test
    void otherMethodsComputeAHeadInATask() {
        SparkCase some = new SparkCase(2, 1, 400, 400, 16, 8, false);
        Dataset<Row> results = exact().method(seed -> Attention.kdeformer().seed(seed).build()).seed(9).build()
                .run(some.tokenRows(spark));
        float[][][] actual = some.collect(results);
        for (int h = 0; h < 2; h++) {
            AttentionInput head = AttentionInput.of(some.query.head(0, h), some.key.head(0, h), some.value.head(0, h));
            SparkCase.assertBits(SparkCase.alone(Attention.kdeformer().seed(9).build(), head),
                    new float[][][] {actual[h]});
        }
    }

    @Test
    void effortsThatWereFoundBeforeGoWithTheirHeads() {
        SparkCase some = new SparkCase(2, 1, 4200, 4200, 16, 8, false);
        ErrorBudget budget = ErrorBudget.relativeSpectral(0.3);
        Calibration efforts = new Calibration(0.3, false, List.of(new Calibration.Effort(Calibration.Kind.TILES, 2.5,
                0.1), Calibration.Effort.EXACT));
        CalibratedSource source = (seed, own) -> Attention.pilot().budget(ErrorBudget.relativeSpectral(0.3))
                .calibration(own).seed(seed).build();
        float[][][] actual = some.collect(exact().method(source, efforts).seed(9).build().run(some.tokenRows(spark)));
        for (int h = 0; h < 2; h++) {
            AttentionInput head = AttentionInput.of(some.query.head(0, h), some.key.head(0, h), some.value.head(0, h));
            SparkCase.assertBits(SparkCase.alone(Attention.pilot().budget(budget).calibration(efforts.heads(h, h + 1))
                    .seed(9).build(), head), new float[][][] {actual[h]});
        }
        assertThrows(IllegalArgumentException.class, () -> new CalibratedMethods(source, efforts).make(9, 1, 2));
        assertEquals("pilot", new CalibratedMethods(source, efforts).make(9, 2, 2).name());
    }

    @Test
    void shuffledBytesAreThoseComputed() throws Exception {
        SparkCase some = new SparkCase(1, 1, 512, 2048, 16, 64, false);
        assertShuffled(Plan.QUERIES, Attention.exact().build().name(), some, 0);
        assertShuffled(Plan.KEYS, "exact", some, 3 * Volume.partial(512, 64));
        assertShuffled(Plan.PARTS, "pilot", some, 512 * 65 * 4);
    }

    private void assertShuffled(Plan plan, String method, SparkCase some, long expected) throws Exception {
        // Blocks in partitions that are there already: what packs single rows is not counted.
        Dataset<Row> queries = some.queryBlocks(spark).localCheckpoint();
        Dataset<Row> keys = some.keyBlocks(spark).localCheckpoint();
        LongAdder written = new LongAdder();
        SparkListener listener = new SparkListener() {
            @Override
            public void onTaskEnd(SparkListenerTaskEnd end) {
                written.add(end.taskMetrics().shuffleWriteMetrics().bytesWritten());
            }
        };
        boolean pilot = method.equals("pilot");
        spark.sparkContext().addSparkListener(listener);
        some.collect(exact().layout(Layout.BLOCKS).plan(plan).parts(4)
                .method(seed -> pilot ? Attention.pilot().build() : Attention.exact().build()).build()
                .run(queries, keys));
        spark.sparkContext().listenerBus().waitUntilEmpty(10_000);
        spark.sparkContext().removeSparkListener(listener);
        assertEquals(expected, written.sum(), 0.02 * expected + 4000, plan.name());
        assertEquals(expected, Volume.of(plan, 512, 2048, 16, 64, false, 3).shuffled());
    }

    @Test
    void plansFollowFromSizes() {
        // One executor; eight queries against keys beyond a shard stay small.
        assertTrue(Volume.of(Plan.KEYS, 8, 1 << 20, 64, 64, false, 10).shuffled()
                < Volume.of(Plan.SHARDS, 8, 1 << 20, 64, 64, false, 10).broadcast());
        SparkCase few = new SparkCase(1, 1, 16, 3000, 16, 16, false);
        assertEquals(Plan.KEYS, chosen(few, exact().shardBytes(100_000)));
        assertEquals(Plan.QUERIES, chosen(few, exact()));
        SparkCase many = new SparkCase(1, 1, 3000, 3000, 16, 16, false);
        assertEquals(Plan.SHARDS, chosen(many, exact().shardBytes(100_000)));
    }

    private static Plan chosen(SparkCase some, SparkAttention.Builder options) {
        BlockSource queries = BlockSource.of(some.queryBlocks(spark), Layout.BLOCKS, BlockSource.Side.QUERIES, 256);
        BlockSource keys = BlockSource.of(some.keyBlocks(spark), Layout.BLOCKS, BlockSource.Side.KEYS, 256);
        return new AttentionJob(spark, options, null, queries, keys).plan();
    }

    @Test
    void refusesWithASentence() {
        SparkCase some = new SparkCase(1, 1, 300, 300, 16, 8, false);
        assertMessage("data set must have a column query, got head, position, key, value",
                () -> exact().build().run(some.keyRows(spark)));
        assertMessage("column query must be array<float>, got ARRAY<DOUBLE>", () -> exact().build().run(some
                .tokenRows(spark).selectExpr("position", "cast(query as array<double>) query", "key", "value")));
        assertMessage("positions of the tokens of head 0 must follow each other, but after 6 comes 8",
                () -> exact().build().run(some.tokenRows(spark).where("position <> 7")));
        assertMessage("positions of the tokens of head 0 must follow each other, but 9 is there twice", () -> exact()
                .build().run(some.tokenRows(spark).union(some.tokenRows(spark).where("position = 9"))));
        assertMessage("query and key must have the same number of floats, got 16 and 8", () -> exact().build()
                .run(some.tokenRows(spark).selectExpr("position", "query", "slice(key, 1, 8) key", "value")));
        assertMessage("every query head must have its key head, but query head 3 has no key head 3", () -> exact()
                .build().run(some.queryRows(spark).selectExpr("3 as head", "position", "query"),
                        some.keyRows(spark)));
        assertMessage("plan SHARDS cannot do method pilot, it takes exact", () -> exact().plan(Plan.SHARDS)
                .method(seed -> Attention.pilot().build()).build().run(some.tokenRows(spark)));
        assertMessage("plan QUERIES must have at most 2 GB of keys and of values in a head, got 8388608 rows of 64"
                + " floats; SHARDS takes more", () -> Shard.checkWhole(1 << 23, 64));
        Shard.checkWhole((1 << 23) - 1, 64);
        assertMessage("blockRows must be between 16 and 1048576, got 2", () -> exact().blockRows(2));
        Exception torn = assertThrows(Exception.class, () -> exact().build().run(some.tokenRows(spark)
                .selectExpr("position", "query", "if(position = 5, null, key) key", "value")).collectAsList());
        assertTrue(torn.getMessage().contains("key at position 5 of head 0 must have 16 floats"), torn.getMessage());
    }

    private static void assertMessage(String expected, Executable run) {
        assertEquals(expected, assertThrows(IllegalArgumentException.class, run).getMessage());
    }
}
