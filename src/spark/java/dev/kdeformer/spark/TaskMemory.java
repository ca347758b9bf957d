package dev.kdeformer.spark;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import org.apache.spark.SparkConf;

/**
 * What a running task takes, estimated before any runs.
 *
 * @param offHeap bytes that Spark does not count: {@code spark.executor.memoryOverhead} has to hold them for each task
 *                that runs at the same time
 * @param onHeap  bytes of the shards that it is sent and of its results
 */
record TaskMemory(long offHeap, long onHeap) {
    /** What the JVM itself takes beside the heap: code, classes, stacks. */
    private static final long JVM = 384L << 20;

    /** The memory of a task that has n queries of some heads and m keys before it at a time. */
    static TaskMemory of(HeadCall call, int heads, int n, int m, int d, int dv, int threads) {
        AttentionInput input = AttentionInput.of(shaped(heads, n, d), shaped(1, m, d), shaped(1, m, dv));
        long scratch = call.method().estimate(input, threads).scratchBytes();
        return new TaskMemory(scratch, Float.BYTES * ((long) m * (d + dv) + (long) heads * n * (d + dv + 1)));
    }

    TaskMemory plusOffHeap(long bytes) {
        return new TaskMemory(offHeap + bytes, onHeap);
    }

    /** A tensor of a shape whose rows are all the same memory; only its shape is looked at. */
    private static Tensor shaped(int heads, int rows, int columns) {
        return Tensor.of(MemorySegment.ofArray(new float[columns]), Shape.of(1, heads, rows, columns), 0, 0, 0, 1);
    }

    /** The overhead that executors need, in bytes. */
    long overhead(int tasksPerExecutor) {
        return JVM + tasksPerExecutor * offHeap;
    }

    /**
     * Tasks that an executor runs at the same time.
     *
     * @param cores of an executor, where the settings do not say
     */
    static int tasksPerExecutor(SparkConf conf, int cores) {
        return Math.max(1, conf.getInt("spark.executor.cores", cores) / Math.max(1, conf.getInt("spark.task.cpus", 1)));
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%,.0f MB off the heap and %,.0f MB on it", offHeap / 1e6, onHeap / 1e6);
    }
}
