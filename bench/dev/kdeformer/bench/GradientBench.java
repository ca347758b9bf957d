package dev.kdeformer.bench;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Exact attention and its gradients, one head on one thread. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class GradientBench {
    /** Queries and keys. */
    @Param({"2048"})
    public int n;

    /** Features. */
    @Param({"32", "64", "128"})
    public int d;

    private final Arena arena = Arena.ofShared();
    private final Engine engine = Engine.create(1);
    private AttentionInput input;
    private Tensor output;
    private Tensor sums;
    private Tensor outputGradient;
    private Tensor dQuery;
    private Tensor dKey;
    private Tensor dValue;

    /** Draws the input and computes the output. */
    @Setup(Level.Trial)
    public void draw() {
        SplittableRandom random = new SplittableRandom(1);
        input = AttentionInput.of(random(random), random(random), random(random));
        outputGradient = random(random);
        output = random(random);
        sums = Tensor.allocate(arena, Shape.of(n, 1));
        dQuery = random(random);
        dKey = random(random);
        dValue = random(random);
        forward();
    }

    private Tensor random(SplittableRandom random) {
        Tensor tensor = Tensor.allocate(arena, Shape.of(n, d));
        for (int r = 0; r < n; r++) {
            for (int c = 0; c < d; c++) {
                tensor.matrix(0, 0).set(r, c, (float) random.nextGaussian());
            }
        }
        return tensor;
    }

    /** Frees it. */
    @TearDown(Level.Trial)
    public void free() {
        engine.close();
        arena.close();
    }

    /** Attention. */
    @Benchmark
    public Tensor forward() {
        Attention.exact().build().apply(engine, input, output, sums);
        return output;
    }

    /** Its gradients. */
    @Benchmark
    public Tensor backward() {
        Attention.exactGradient().build().apply(engine, input, output, sums, outputGradient, new InputGradients(dQuery,
                dKey, dValue));
        return dQuery;
    }
}
