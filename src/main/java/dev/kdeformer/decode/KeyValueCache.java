package dev.kdeformer.decode;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;

import dev.kdeformer.Engine;
import dev.kdeformer.method.Checks;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Keys and values of a growing sequence, off-heap, for decoding: attention of one or a few new queries to all keys so
 * far. The cache grows by appending chunks; nothing that is there is copied when it grows. It owns its memory:
 * {@link #append} copies the caller's rows, {@link #close} frees everything.
 *
 * <p>{@link #decode(Engine, Tensor, Tensor)} is exact and reads the whole cache. An indexed cache also decodes
 * approximately from a small part of it ({@link SparseDecoding}). The index is a list of regions whose keys are sorted
 * into groups of 32 similar keys, each with a summary. When enough new keys have come, they become a region, and
 * regions merge as they grow, so that every key is sorted again a number of times logarithmic in the length. The
 * youngest keys, between 128 and 1,280 of them, are always read exactly.
 *
 * <p>A cache may be used from many threads: decoding calls run beside each other, and changes wait for them.
 */
public final class KeyValueCache implements AutoCloseable {
    /** Most queries of a head that one decoding call takes. */
    public static final int MAX_QUERIES = 64;

    /** Youngest keys that are never sorted, so that a causal rule among new queries only meets keys in order. */
    private static final int RESERVE = MAX_QUERIES;

    /** Unsorted keys that make a region, beyond twice the reserve. */
    private static final int REGION = 1024;

    /** Most keys of a region, which bounds the time and the memory that one merge takes. */
    private static final int LARGEST_REGION = 1 << 17;

    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private final Shape unitShape;
    private final boolean indexed;
    private final Store store;
    private final QueryMoments[] moments;
    private final List<Region> regions = new ArrayList<>();
    private int length;
    private float largestKey;
    private float largestValue;
    private boolean closed;

    private KeyValueCache(int batch, int kvHeads, int d, int dv, boolean indexed) {
        if (d < 1 || dv < 1) {
            throw new IllegalArgumentException("features must be at least 1, got d = " + d + " and dv = " + dv);
        }
        this.unitShape = Shape.of(batch, kvHeads, 1, d);
        this.indexed = indexed;
        int units = Math.multiplyExact(batch, kvHeads);
        this.store = new Store(units, d, dv);
        this.moments = new QueryMoments[units];
        for (int unit = 0; unit < units && indexed; unit++) {
            moments[unit] = new QueryMoments(d);
        }
    }

    /**
     * An empty cache for exact decoding.
     *
     * @param batch   independent items
     * @param kvHeads heads of keys and values
     * @param d       features of a key
     * @param dv      features of a value
     * @throws IllegalArgumentException if a size is below 1
     */
    public static KeyValueCache create(int batch, int kvHeads, int d, int dv) {
        return new KeyValueCache(batch, kvHeads, d, dv, false);
    }

    /** An empty cache that keeps an index for {@link SparseDecoding} as well. */
    public static KeyValueCache createIndexed(int batch, int kvHeads, int d, int dv) {
        return new KeyValueCache(batch, kvHeads, d, dv, true);
    }

    /** Number of keys of every head. */
    public int length() {
        lock.readLock().lock();
        try {
            return length;
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Whether the cache keeps an index. */
    public boolean isIndexed() {
        return indexed;
    }

    /** Off-heap bytes that the cache holds, 0 once it is closed. */
    public long bytes() {
        lock.readLock().lock();
        try {
            return store.bytes() + regions.stream().mapToLong(Region::bytes).sum();
        } finally {
            lock.readLock().unlock();
        }
    }

    /**
     * Appends keys and values; an indexed cache brings its index up to date.
     *
     * @param engine threads to copy and to index with, one head each
     * @param keys   (batch, kvHeads, rows, d), finite
     * @param values (batch, kvHeads, rows, d_v), finite
     * @throws IllegalArgumentException if the shapes do not fit or an element is not finite; nothing is appended then
     * @throws IllegalStateException    if the cache or an arena is closed
     * @throws OutOfMemoryError         if the memory is not to be had; nothing is appended then
     * @throws java.util.concurrent.CancellationException if the calling thread is interrupted; nothing is appended then
     */
    public void append(Engine engine, Tensor keys, Tensor values) {
        int rows = Objects.requireNonNull(keys, "keys").shape().rows();
        Objects.requireNonNull(values, "values");
        Objects.requireNonNull(engine, "engine");
        Checks.shape("keys", keys, shape(keys, store.d()));
        Checks.shape("values", values, shape(keys, store.dv()));
        Checks.usable("keys", keys, engine);
        Checks.usable("values", values, engine);
        lock.writeLock().lock();
        try {
            requireOpen();
            if (rows > Integer.MAX_VALUE - Store.CHUNK - length) {
                throw new IllegalArgumentException("a cache must stay below 2^31 keys, got " + length + " and " + rows
                        + " more");
            }
            if (rows == 0) {
                return;
            }
            Team crew = Crews.begin(engine);
            try {
                float key = (float) Checks.largest(crew, "keys", keys, null);
                float value = (float) Checks.largest(crew, "values", values, null);
                int before = length;
                store.grow(before + rows);
                try {
                    copy(crew, keys, values, rows);
                    length += rows;
                    largestKey = Math.max(largestKey, key);
                    largestValue = Math.max(largestValue, value);
                    index(crew);
                } catch (RuntimeException | Error e) {
                    length = closed ? 0 : before;
                    store.shrink(length);
                    throw e;
                }
            } finally {
                Crews.end(engine, crew);
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    private Shape shape(Tensor like, int columns) {
        return Shape.of(unitShape.batch(), unitShape.heads(), like.shape().rows(), columns);
    }

    private void copy(Team team, Tensor keys, Tensor values, int rows) {
        team.forEach(moments.length, (unit, scratch) -> {
            Matrix key = matrix(keys, unit);
            Matrix value = matrix(values, unit);
            float[] keyRow = new float[store.d()];
            float[] valueRow = new float[store.dv()];
            for (int i = 0; i < rows; i++) {
                key.readRow(i, keyRow, 0);
                store.putKey(unit, length + i, keyRow, 0);
                value.readRow(i, valueRow, 0);
                store.putValue(unit, length + i, valueRow);
            }
        });
    }

    private Matrix matrix(Tensor tensor, int unit) {
        return tensor.matrix(unit / unitShape.heads(), unit % unitShape.heads());
    }

    /**
     * Tells an indexed cache of queries like those to come, for instance those of a prompt: from then on keys are
     * sorted by how much their logits with such queries differ. What is sorted already is sorted by them when regions
     * merge.
     *
     * @param queries (batch, heads, n, d), heads a multiple of kvHeads, finite
     * @throws IllegalArgumentException if the shape does not fit or an element is not finite
     * @throws IllegalStateException    if the cache is closed or keeps no index
     */
    public void observe(Engine engine, Tensor queries) {
        checkQueries(queries);
        Checks.usable("queries", queries, engine);
        lock.writeLock().lock();
        try {
            requireOpen();
            if (!indexed) {
                throw new IllegalStateException("the cache keeps no index; make it with createIndexed");
            }
            Team crew = Crews.begin(engine);
            try {
                Checks.largest(crew, "queries", queries, null);
                int group = queries.shape().heads() / unitShape.heads();
                crew.forEach(moments.length, (unit, scratch) -> {
                    for (int member = 0; member < group; member++) {
                        moments[unit].add(queries.matrix(unit / unitShape.heads(),
                                unit % unitShape.heads() * group + member));
                    }
                });
            } finally {
                Crews.end(engine, crew);
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    private void checkQueries(Tensor query) {
        Shape shape = Objects.requireNonNull(query, "query").shape();
        if (shape.batch() != unitShape.batch() || shape.columns() != store.d()
                || shape.heads() % unitShape.heads() != 0) {
            throw new IllegalArgumentException("query must have shape (" + unitShape.batch() + ", a multiple of "
                    + unitShape.heads() + ", n, " + store.d() + "), got " + shape);
        }
    }

    /** Sorts what has become old enough, and merges regions that are no longer much larger than the next. */
    private void index(Team team) {
        int sorted = sortedKeys();
        int ready = (length - sorted - 2 * RESERVE) / GROUP * GROUP;
        if (!indexed || ready < REGION) {
            return;
        }
        List<Region> merged = new ArrayList<>();
        int first = sorted;
        int count = ready;
        for (int r = regions.size() - 1; r >= 0; r--) {
            Region last = regions.get(r);
            if (last.count() > 2 * count || last.count() + count > LARGEST_REGION) {
                break;
            }
            merged.add(last);
            first = last.first();
            count += last.count();
        }
        List<Region> made = new ArrayList<>();
        try {
            for (int at = first; at < first + count; at += LARGEST_REGION) {
                Region region = new Region(store, moments.length, at, Math.min(LARGEST_REGION, first + count - at));
                made.add(region);
            }
            for (Region region : made) {
                team.forEach(moments.length, (unit, scratch) -> region.build(unit, merged, moments[unit].factor()));
            }
        } catch (RuntimeException | Error e) {
            unsort(made, merged);
            throw e;
        }
        merged.forEach(Region::close);
        regions.removeAll(merged);
        regions.addAll(made);
    }

    /** Leaves regions unsorted that could not be built to the end, heads already built and heads not. */
    private void unsort(List<Region> made, List<Region> merged) {
        regions.removeAll(merged);
        try {
            for (int unit = 0; unit < moments.length; unit++) {
                boolean built = false;
                for (Region region : made) {
                    built |= region.restore(unit);
                }
                for (Region region : merged) {
                    if (!built) {
                        region.restore(unit);
                    }
                }
            }
        } catch (RuntimeException | Error e) {
            free();
            throw e;
        } finally {
            made.forEach(Region::close);
            merged.forEach(Region::close);
        }
    }

    private int sortedKeys() {
        return regions.isEmpty() ? 0 : regions.get(regions.size() - 1).end();
    }

    /**
     * Forgets all keys but the first {@code newLength}, as beam search and speculative decoding need it. Memory that is
     * no longer needed is freed. Going back by up to 64 keys costs next to nothing; going back further into the index
     * undoes the regions that it meets and sorts what remains of them again.
     *
     * @throws IllegalArgumentException if there are fewer keys
     * @throws IllegalStateException    if the cache is closed
     * @throws OutOfMemoryError         if there is no memory to undo a region with; the cache is closed then
     */
    public void truncate(Engine engine, int newLength) {
        Objects.requireNonNull(engine, "engine");
        lock.writeLock().lock();
        try {
            requireOpen();
            if (newLength < 0 || newLength > length) {
                throw new IllegalArgumentException("newLength must be between 0 and " + length + ", got " + newLength);
            }
            Team crew = Crews.begin(engine);
            try {
                while (!regions.isEmpty() && sortedKeys() > newLength - RESERVE) {
                    dropLast(newLength);
                }
                length = newLength;
                store.shrink(length);
                index(crew);
            } finally {
                Crews.end(engine, crew);
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** Undoes the last region, whose keys from {@code needed} on nobody needs. */
    private void dropLast(int needed) {
        Region last = regions.get(regions.size() - 1);
        try {
            for (int unit = 0; unit < moments.length && last.first() < needed; unit++) {
                last.restore(unit);
            }
        } catch (RuntimeException | Error e) {
            free();
            throw e;
        }
        regions.remove(last);
        last.close();
    }

    /** Exact decoding with scale 1/√d. */
    public void decode(Engine engine, Tensor query, Tensor output) {
        decode(engine, query, output, null, (float) (1 / Math.sqrt(store.d())));
    }

    /**
     * Attention of the queries to all keys, exactly. The queries belong to the last n keys: query i of n sees the keys
     * up to its own, that is all but the last n − 1 − i. Query heads that share a key head read it together.
     *
     * @param query     (batch, heads, n, d), n ≤ 64, heads a multiple of kvHeads
     * @param output    receives (batch, heads, n, d_v); must not overlap the query
     * @param logSumExp receives (batch, heads, n, 1), or null; −∞ for a query that sees no key
     * @param scale     the factor before the logits
     * @throws IllegalArgumentException if a shape does not fit, memory overlaps, an element is not finite, or the
     *                                  logits might leave float32; nothing is written then
     * @throws IllegalStateException    if the cache, an arena or the engine is closed
     * @throws java.util.concurrent.CancellationException if the calling thread is interrupted
     */
    public void decode(Engine engine, Tensor query, Tensor output, Tensor logSumExp, float scale) {
        run(engine, query, output, logSumExp, scale, view -> {
            ExactDecoder.run(view);
            return null;
        });
    }

    /** Attention of the queries to all keys by another decoder, which is given a checked call. */
    <T> T run(Engine engine, Tensor query, Tensor output, Tensor logSumExp, float scale, Decoder<T> decoder) {
        Objects.requireNonNull(engine, "engine");
        checkQueries(query);
        int n = query.shape().rows();
        if (n > MAX_QUERIES) {
            throw new IllegalArgumentException("at most " + MAX_QUERIES + " queries of a head can be decoded at once,"
                    + " got " + n);
        }
        if (!Float.isFinite(scale)) {
            throw new IllegalArgumentException("scale must be finite, got " + scale);
        }
        Checks.usable("query", query, engine);
        written("output", Objects.requireNonNull(output, "output"), query, store.dv(), engine);
        if (logSumExp != null) {
            written("logSumExp", logSumExp, query, 1, engine);
            Checks.apart("logSumExp", logSumExp, "output", output);
        }
        lock.readLock().lock();
        try {
            requireOpen();
            Team crew = Crews.begin(engine);
            try {
                double largest = Checks.largest(crew, "query", query, null);
                Checks.magnitudes(largest, largestKey, 0, largestValue, store.d(), length, scale);
                return decoder.decode(new DecodeCall(store, regions, length, unitShape.heads(), query, output,
                        logSumExp, scale, crew));
            } finally {
                Crews.end(engine, crew);
            }
        } finally {
            lock.readLock().unlock();
        }
    }

    /** A way to decode. */
    interface Decoder<T> {
        T decode(DecodeCall call);
    }

    private static void written(String name, Tensor tensor, Tensor query, int columns, Engine engine) {
        Checks.shape(name, tensor, query.shape().withColumns(columns));
        Checks.usable(name, tensor, engine);
        Checks.writable(name, tensor);
        Checks.apart(name, tensor, "query", query);
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the cache is closed");
        }
    }

    /** Frees all memory, after calls that still run. Closing twice does nothing. */
    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            free();
        } finally {
            lock.writeLock().unlock();
        }
    }

    private void free() {
        closed = true;
        length = 0;
        regions.forEach(Region::close);
        regions.clear();
        store.close();
    }
}
