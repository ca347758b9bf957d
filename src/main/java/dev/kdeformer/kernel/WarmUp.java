package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;

/**
 * Gets the hot kernels compiled before much work is done with them. A register tile has more live vectors than the
 * first compiler can hold, so that it runs a hundred times slower there than after the second one, and a large first
 * call would spend seconds in it. Many calls on the smallest operands reach the second compiler for little work; the
 * wait then lets its threads finish.
 */
public final class WarmUp {
    private static final int CALLS = 8_000;
    private static final long LONGEST_WAIT_NANOS = 1_500_000_000L;
    private static final long COMPILED_NANOS = 60_000;
    private static final long AROUND_NANOS = 300_000_000L;

    /** Output elements times keys after which slow kernels have cost as much time as compiling them. */
    private static final double WORTH = 1L << 26;

    private static boolean done;
    private static double work;

    private WarmUp() {
    }

    /**
     * Counts a call that is about to be made, and warms the kernels up before the one that makes all of them together
     * worth it: the first if it is large, a later one if all are small. Takes at most about two seconds, once.
     *
     * @param elements of the output
     * @param keys     that each of them is a sum over
     */
    public static synchronized void before(double elements, double keys) {
        work += elements * keys;
        if (work > WORTH) {
            once();
        }
    }

    /** Warms the kernels up, the first time it is called; at most about two seconds. */
    public static synchronized void once() {
        if (done) {
            return;
        }
        done = true;
        try (Scratch scratch = new Scratch()) {
            run(scratch);
        }
    }

    private static void run(Scratch scratch) {
        int depth = 64;
        float[] tile = new float[QueryTile.ROWS * STRIDE];
        float[] sums = new float[QueryTile.ROWS * STRIDE];
        float[] max = new float[QueryTile.ROWS];
        long right = scratch.floats((long) depth * 4 * PANEL);
        Memory.fillFloats(right, (long) depth * 4 * PANEL, 0);
        // The exponential first: compiled after the products, it has been seen to keep its vectors in objects.
        for (int i = 0; i < CALLS; i++) {
            ExpKernel.exp(tile, 0, 1, 1, max, sums);
        }
        for (int i = 0; i < CALLS; i++) {
            LogitKernel.logits(tile, LogitKernel.ROWS, 1, right, right, sums, 0);
        }
        for (int vectors = 1; vectors <= ValueKernel.WIDEST; vectors++) {
            for (int i = 0; i < CALLS; i++) {
                ValueKernel.add(tile, 0, 1, 1, right, vectors * VECTOR_BYTES, vectors, sums, 0, vectors * LANES);
            }
        }
        long end = System.nanoTime() + LONGEST_WAIT_NANOS;
        while (slowest(tile, sums, max, right, depth) > COMPILED_NANOS && System.nanoTime() < end
                && !Thread.currentThread().isInterrupted()) {
            Thread.onSpinWait();
        }
        around(scratch);
    }

    /** What surrounds the kernels, as a call on one panel of keys runs it: packing, loading, the maximum, the end. */
    private static void around(Scratch scratch) {
        Matrix rows = Tensor.allocate(Arena.ofAuto(), Shape.of(PANEL, LANES)).matrix(0, 0);
        Matrix output = Tensor.allocate(Arena.ofAuto(), Shape.of(PANEL, LANES)).matrix(0, 0);
        PackedKeys keys = new PackedKeys(scratch, PANEL, LANES, LANES, LogitScale.of(1));
        Packer packer = new Packer();
        QueryTile queries = new QueryTile();
        SoftmaxTile state = new SoftmaxTile();
        long end = System.nanoTime() + AROUND_NANOS;
        for (int i = 0; i < CALLS && System.nanoTime() < end; i++) {
            packer.pack(keys, 0, PANEL, KeySource.of(rows, 0));
            queries.load(rows, 0, 0, LogitKernel.ROWS, keys.scale());
            state.begin(LogitKernel.ROWS, LANES);
            state.add(queries, keys);
            state.finish(output, null, 0, 0, null);
        }
    }

    private static long slowest(float[] tile, float[] sums, float[] max, long right, int depth) {
        long start = System.nanoTime();
        ExpKernel.exp(tile, 0, QueryTile.ROWS, 1, max, sums);
        long exp = System.nanoTime();
        LogitKernel.logits(tile, QueryTile.ROWS, depth, right, right, sums, 0);
        long logits = System.nanoTime();
        ValueKernel.add(tile, 0, QueryTile.ROWS, depth, right, 2 * VECTOR_BYTES, 2, sums, 0, 2 * LANES);
        long values = System.nanoTime();
        return Math.max(exp - start, Math.max(logits - exp, values - logits));
    }
}
