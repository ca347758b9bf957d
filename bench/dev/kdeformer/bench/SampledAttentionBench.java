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

/** The block part and the sampled part of KDEformer, each with as little of the other as there can be, and both. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class SampledAttentionBench {
    /** Queries and keys. */
    @Param({"16384", "131072"})
    public int n;

    /** Features of queries, keys and values. */
    @Param("64")
    public int d;

    /** Keys in a block, or samples. */
    @Param({"256", "512", "1024"})
    public int keys;

    private Arena arena;
    private Engine engine;
    private AttentionInput input;
    private Tensor output;

    /** Makes the input. */
    @Setup
    public void open() {
        arena = Arena.ofShared();
        engine = Engine.create(1);
        Shape shape = Shape.of(n, d);
        input = AttentionInput.of(Rows.normal(arena, shape, 1), Rows.normal(arena, shape, 2),
                Rows.normal(arena, shape, 3));
        output = Tensor.allocate(arena, shape);
    }

    /** Frees it. */
    @TearDown
    public void close() {
        engine.close();
        arena.close();
    }

    private Tensor run(AttentionMethod method, AttentionInput masked) {
        method.apply(engine, masked, output);
        return output;
    }

    /** Blocks, and one sample. */
    @Benchmark
    public Tensor blocks() {
        return run(Attention.kdeformer().blockSize(keys).samples(1).build(), input);
    }

    /** Samples, and the smallest blocks that fill a tile of queries. */
    @Benchmark
    public Tensor samples() {
        return run(Attention.kdeformer().blockSize(96).samples(keys).build(), input);
    }

    /** Blocks and twice as many samples, as KDEformer splits its columns. */
    @Benchmark
    public Tensor both() {
        return run(Attention.kdeformer().blockSize(keys).samples(2 * keys).build(), input);
    }

    /** The same under a causal mask. */
    @Benchmark
    public Tensor causal() {
        return run(Attention.kdeformer().blockSize(keys).samples(2 * keys).build(), input.withMask(Mask.causal()));
    }
}
