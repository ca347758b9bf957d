package dev.kdeformer.bench;

import dev.kdeformer.kernel.ExpKernel;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitKernel;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.ValueKernel;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The hot loops alone, on one tile of 96 queries and one step of 256 keys. Work per call: 2 · 96 · 256 · d
 * floating-point operations for each product, 96 · 256 exponentials.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class KernelBench {
    /** Features. */
    @Param({"32", "64", "128"})
    public int d;

    private final Scratch scratch = new Scratch();
    private final float[] left = new float[QueryTile.ROWS * Lanes.STRIDE];
    private final float[] tile = new float[QueryTile.ROWS * Lanes.STRIDE];
    private final float[] max = new float[QueryTile.ROWS];
    private final float[] sums = new float[QueryTile.ROWS * Lanes.LANES];
    private float[] output;
    private long right;
    private long bias;

    /** Fills the operands. */
    @Setup
    public void open() {
        Arrays.fill(left, 0.01f);
        Arrays.fill(max, 1);
        output = new float[QueryTile.ROWS * d];
        right = scratch.floats((long) Lanes.STEP * d);
        Memory.fillFloats(right, (long) Lanes.STEP * d, 0.5f);
        bias = scratch.floats(Lanes.PANEL);
        Memory.fillFloats(bias, Lanes.PANEL, 0);
    }

    /** Frees them. */
    @TearDown
    public void close() {
        scratch.close();
    }

    /** Logits. */
    @Benchmark
    public float[] logits() {
        for (int key = 0; key < Lanes.STEP; key += Lanes.PANEL) {
            LogitKernel.logits(left, QueryTile.ROWS, d, right + (long) key * d * 4, bias, tile, key);
        }
        return tile;
    }

    /** Exponentials with row sums. */
    @Benchmark
    public float exp() {
        float top = Float.NEGATIVE_INFINITY;
        for (int column = 0; column < Lanes.STEP; column += ExpKernel.COLUMNS) {
            top = Math.max(top, ExpKernel.exp(tile, column, QueryTile.ROWS, 1, max, sums));
        }
        return top;
    }

    /** Weighted sums of values. */
    @Benchmark
    public float[] values() {
        for (int c = 0; c < d; c += 2 * Lanes.LANES) {
            ValueKernel.add(left, 0, QueryTile.ROWS, Lanes.STEP, right + c * 4L, d * 4L,
                    Math.min(2, (d - c) / Lanes.LANES), output, c, d);
        }
        return output;
    }
}
