package dev.kdeformer.bench;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
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
 * Whole calls on random heads. With {@code -prof gc} the allocation per call shows: a few hundred bytes in steady
 * state for exact attention.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class AttentionBench {
    /** Queries and keys. */
    @Param({"512", "4096"})
    public int n;

    /** Features of queries, keys and values. */
    @Param({"32", "64", "128"})
    public int d;

    /** Threads of a call. */
    @Param("1")
    public int threads;

    private Arena arena;
    private Engine engine;
    private AttentionInput input;
    private Tensor output;
    private AttentionMethod exact;
    private AttentionMethod pilot;

    /** Makes the input. */
    @Setup
    public void open() {
        arena = Arena.ofShared();
        engine = Engine.create(threads);
        Shape shape = Shape.of(n, d);
        input = AttentionInput.of(Rows.normal(arena, shape, 1), Rows.normal(arena, shape, 2),
                Rows.normal(arena, shape, 3));
        output = Tensor.allocate(arena, shape);
        exact = Attention.exact().build();
        pilot = Attention.pilot().build();
    }

    /** Frees it. */
    @TearDown
    public void close() {
        engine.close();
        arena.close();
    }

    /** Exact attention. */
    @Benchmark
    public Tensor exact() {
        exact.apply(engine, input, output);
        return output;
    }

    /** Exact attention under a causal mask. */
    @Benchmark
    public Tensor exactCausal() {
        exact.apply(engine, input.withMask(Mask.causal()), output);
        return output;
    }

    /** Pilot attention at its default cost. */
    @Benchmark
    public Tensor pilot() {
        pilot.apply(engine, input, output);
        return output;
    }
}
