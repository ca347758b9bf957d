package dev.kdeformer.bench;

import dev.kdeformer.Engine;
import dev.kdeformer.decode.KeyValueCache;
import dev.kdeformer.decode.SparseDecoding;
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

/** Decoding one token of {@code heads} query heads against one key head, on one thread. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class DecodeBench {
    /** Keys in the cache. */
    @Param({"16384", "131072"})
    public int keys;

    /** Features of keys and values. */
    @Param({"64", "128"})
    public int d;

    /** Query heads of the key head. */
    @Param({"1", "8"})
    public int heads;

    private final Arena arena = Arena.ofShared();
    private final Engine engine = Engine.create(1);
    private KeyValueCache cache;
    private Tensor query;
    private Tensor output;
    private SparseDecoding sparse;

    /** Fills the cache. */
    @Setup(Level.Trial)
    public void fill() {
        cache = KeyValueCache.createIndexed(1, 1, d, d);
        SplittableRandom random = new SplittableRandom(1);
        cache.append(engine, random(random, Shape.of(keys, d)), random(random, Shape.of(keys, d)));
        query = random(random, Shape.of(1, heads, 1, d));
        output = Tensor.allocate(arena, query.shape());
        sparse = SparseDecoding.builder().budget(0.1).build();
    }

    private Tensor random(SplittableRandom random, Shape shape) {
        Tensor tensor = Tensor.allocate(arena, shape);
        for (int h = 0; h < shape.heads(); h++) {
            for (int r = 0; r < shape.rows(); r++) {
                for (int c = 0; c < shape.columns(); c++) {
                    tensor.matrix(0, h).set(r, c, (float) random.nextGaussian());
                }
            }
        }
        return tensor;
    }

    /** Frees it. */
    @TearDown(Level.Trial)
    public void free() {
        cache.close();
        engine.close();
        arena.close();
    }

    /** Reads everything. */
    @Benchmark
    public Tensor exact() {
        cache.decode(engine, query, output);
        return output;
    }

    /** Reads a tenth of the bytes. */
    @Benchmark
    public SparseDecoding.Statistics sparse() {
        return sparse.apply(engine, cache, query, output, null, (float) (1 / Math.sqrt(d)));
    }
}
