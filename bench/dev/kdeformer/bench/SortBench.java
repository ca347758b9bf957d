package dev.kdeformer.bench;

import dev.kdeformer.kernel.KeySource;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.lsh.CountingSort;
import dev.kdeformer.lsh.SignHash;
import dev.kdeformer.runtime.Crew;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
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

/** Hashing, sorting and gathering of many rows on one thread. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class SortBench {
    private static final int D = 64;

    /** Rows. */
    @Param({"65536", "1048576"})
    public int n;

    /** Bits of a code. */
    @Param("16")
    public int bits;

    private Arena arena;
    private Crew crew;
    private Matrix rows;
    private SignHash hash;
    private long codes;
    private long order;
    private PackedKeys packed;
    private Packer packer;

    /** Makes rows and their codes. */
    @Setup
    public void open() {
        arena = Arena.ofShared();
        crew = new Crew(1, Runnable::run);
        rows = Rows.normal(arena, Shape.of(n, D), 1).matrix(0, 0);
        hash = SignHash.of(CounterRandom.of(7), D, bits);
        codes = crew.scratch().ints(n);
        order = crew.scratch().ints(n);
        packed = new PackedKeys(crew.scratch(), n, D, D, LogitScale.of(1));
        packer = new Packer();
        hash();
        sort();
    }

    /** Frees them. */
    @TearDown
    public void close() {
        crew.close();
        arena.close();
    }

    /** Sign hash with the rank of the code in Gray order. */
    @Benchmark
    public int hash() {
        hash.hash(rows, 0, n, codes, crew.scratch());
        return Memory.getInt(codes);
    }

    /** Stable counting sort of the codes. */
    @Benchmark
    public int sort() {
        CountingSort.sort(crew, codes, 0, n, bits, order);
        return Memory.getInt(order);
    }

    /** Keys and values gathered in sorted order into the kernels' layout. */
    @Benchmark
    public PackedKeys gather() {
        packer.pack(packed, 0, n, KeySource.of(rows, order));
        return packed;
    }
}
