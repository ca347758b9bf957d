package dev.kdeformer.train;

import dev.kdeformer.runtime.Crew;
import java.lang.foreign.Arena;
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
 * The products of a linear layer on one thread, 2,048 rows. Work per call: 2 · 2048 · inner · columns floating-point
 * operations; {@code kdebench info} has the peak to compare with.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class MatrixProductBench {
    private static final int ROWS = 2048;

    /** Inputs and outputs of the layer. */
    @Param({"256x256", "256x1408", "704x256"})
    public String shape;

    private final Crew team = new Crew(1, Runnable::run);
    private final Arena arena = Arena.ofConfined();
    private int inner;
    private int columns;
    private float[] x;
    private float[] y;
    private float[] gradient;
    private Panels panels;

    /** Fills the operands. */
    @Setup
    public void open() {
        inner = Integer.parseInt(shape.split("x")[0]);
        columns = Integer.parseInt(shape.split("x")[1]);
        x = new float[ROWS * inner];
        y = new float[ROWS * columns];
        gradient = new float[inner * columns];
        Arrays.fill(x, 0.01f);
        Arrays.fill(gradient, 0.5f);
        panels = Panels.allocate(arena, inner, columns);
        panels.pack(gradient, 0, 0, inner);
    }

    /** Frees the memory. */
    @TearDown
    public void close() {
        team.close();
        arena.close();
    }

    /** y = x · W. */
    @Benchmark
    public float[] multiply() {
        MatrixProduct.multiply(team, x, ROWS, panels, y);
        return y;
    }

    /** G += xᵀ · dY. */
    @Benchmark
    public float[] addOuter() {
        MatrixProduct.addOuter(team, x, inner, y, columns, ROWS, gradient);
        return gradient;
    }
}
