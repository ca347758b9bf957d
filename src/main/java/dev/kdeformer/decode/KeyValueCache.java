package dev.kdeformer.decode;

import dev.kdeformer.Engine;
import dev.kdeformer.kernel.GroupLayout;
import dev.kdeformer.method.Checks;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Keys and values of a growing sequence, off-heap, for decoding: attention of one or a few new queries to all keys so
 * far. The cache grows by appending chunks; nothing that is there is copied when it grows. It owns its memory:
 * {@link #append} copies the caller's rows, {@link #close} frees everything. Keys and values may be stored in fewer
 * bytes than they come in ({@link CacheElement}), which are then read in less time.
 *
 * <p>{@link #decode(Engine, CacheQuery, Tensor, Tensor)} is exact and reads all keys that are seen. An indexed cache
 * also decodes approximately from a small part of it ({@link SparseDecoding}). The index is a list of regions whose
 * keys are sorted into groups of 32 similar keys, each with a summary. When enough new keys have come, they become a
 * region, and regions merge as they grow, so that every key is sorted again a number of times logarithmic in the
 * length. The youngest keys, between 128 and 1,280 of them, are always read exactly.
 *
 * <p>A cache may be used from many threads: decoding calls run beside each other, and changes wait for them.
 */
public final class KeyValueCache implements AutoCloseable {
    /** Most queries of a head that one decoding call takes. */
    public static final int MAX_QUERIES = 64;

    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private final Shape unitShape;
    private final CacheElement element;
    private final Store store;
    /** Null where keys are not sorted. */
    private final CacheIndex index;
    private int length;
    private float largestKey;
    private float largestValue;
    private boolean closed;
    /** Owns the memory of a mapped file; null without one. */
    private Arena mapped;

    private KeyValueCache(Shape unitShape, CacheElement element, Store store, CacheIndex index) {
        this.unitShape = unitShape;
        this.element = element;
        this.store = store;
        this.index = index;
    }

    /**
     * Makes an empty cache of float32 for exact decoding.
     *
     * @param batch   independent items
     * @param kvHeads heads of keys and values
     * @param d       features of a key
     * @param dv      features of a value
     * @throws IllegalArgumentException if a size is below 1
     */
    public static KeyValueCache create(int batch, int kvHeads, int d, int dv) {
        return create(batch, kvHeads, d, dv, CacheElement.FLOAT32);
    }

    /** Makes an empty cache for exact decoding of keys and values that are stored as {@code element}. */
    public static KeyValueCache create(int batch, int kvHeads, int d, int dv, CacheElement element) {
        Store store = store(batch, kvHeads, d, dv, element);
        return new KeyValueCache(Shape.of(batch, kvHeads, 1, d), element, store, null);
    }

    /** Makes an empty cache of float32 that keeps an index for {@link SparseDecoding} as well. */
    public static KeyValueCache createIndexed(int batch, int kvHeads, int d, int dv) {
        return createIndexed(batch, kvHeads, d, dv, CacheElement.FLOAT32);
    }

    /** Makes an empty cache of {@code element} that keeps an index for {@link SparseDecoding} as well. */
    public static KeyValueCache createIndexed(int batch, int kvHeads, int d, int dv, CacheElement element) {
        Store store = store(batch, kvHeads, d, dv, element);
        return new KeyValueCache(Shape.of(batch, kvHeads, 1, d), element, store,
                new CacheIndex(store, Math.multiplyExact(batch, kvHeads)));
    }

    /**
     * Makes a cache for exact decoding over a file that {@link #save} wrote. Its keys stay in the file, which must not
     * be changed or cut short while the cache is open, and are read from it as they are needed; where it was written on
     * a machine with vectors of another width, floats are copied. The cache can grow and be truncated like any other,
     * and the file stays what it is. Every element is looked at once, so that none is not finite.
     *
     * @param engine threads to look at the elements with
     * @throws dev.kdeformer.io.TensorFormatException if the file is not that of a cache, its sizes do not fit its
     *                                                length, or an element is not finite
     * @throws IOException      if it cannot be read
     * @throws OutOfMemoryError if there is no room to map it or to copy it
     */
    public static KeyValueCache map(Engine engine, Path path) throws IOException {
        MappedCache file = MappedCache.open(Objects.requireNonNull(engine, "engine"),
                Objects.requireNonNull(path, "path"));
        KeyValueCache cache = new KeyValueCache(file.units(), file.element(), file.store(), null);
        cache.length = file.length();
        cache.mapped = file.arena();
        cache.largestKey = file.largestKey();
        cache.largestValue = file.largestValue();
        return cache;
    }

    /**
     * Writes the cache to a file, keys in the order in which they were appended and without an index, to be
     * {@link #map mapped} again. The file is whole or not there.
     *
     * @throws IOException           if it cannot be written
     * @throws IllegalStateException if the cache is closed
     */
    public void save(Path path) throws IOException {
        Objects.requireNonNull(path, "path");
        lock.readLock().lock();
        try {
            requireOpen();
            CacheFile.write(path, unitShape, element, store, regions(), length);
        } finally {
            lock.readLock().unlock();
        }
    }

    private static Store store(int batch, int kvHeads, int d, int dv, CacheElement element) {
        Objects.requireNonNull(element, "element");
        if (d < 1 || dv < 1) {
            throw new IllegalArgumentException("features must be at least 1, got d = " + d + " and dv = " + dv);
        }
        return new Store(Math.multiplyExact(batch, kvHeads), new GroupLayout(element.perInt(), d, dv));
    }

    /** Returns the number of keys of every head. */
    public int length() {
        lock.readLock().lock();
        try {
            return length;
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Tells whether the cache keeps an index. */
    public boolean isIndexed() {
        return index != null;
    }

    /** What keys and values are stored as. */
    public CacheElement element() {
        return element;
    }

    /** Off-heap bytes that the cache holds, 0 once it is closed. */
    public long bytes() {
        lock.readLock().lock();
        try {
            return store.bytes() + (index == null ? 0 : index.bytes());
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
                    if (before % Store.CHUNK != 0) {
                        store.own(before / Store.CHUNK);
                    }
                    CacheRows.write(crew, store, length, keys, values);
                    length += rows;
                    largestKey = Math.max(largestKey, key);
                    largestValue = Math.max(largestValue, value);
                    sort(crew);
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

    private int units() {
        return unitShape.batch() * unitShape.heads();
    }

    /** Lets the index take what has become old enough. */
    private void sort(Team team) {
        if (index != null) {
            try {
                index.sort(team, length);
            } catch (CacheIndex.LostException e) {
                free();
                throw e.reason();
            }
        }
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
            if (index == null) {
                throw new IllegalStateException("the cache keeps no index; make it with createIndexed");
            }
            Team crew = Crews.begin(engine);
            try {
                Checks.largest(crew, "queries", queries, null);
                int group = queries.shape().heads() / unitShape.heads();
                crew.forEach(units(), (unit, scratch) -> {
                    for (int member = 0; member < group; member++) {
                        index.observe(unit, queries.matrix(unit / unitShape.heads(),
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
                if (index != null) {
                    undo(newLength);
                }
                length = newLength;
                store.shrink(length);
                sort(crew);
            } finally {
                Crews.end(engine, crew);
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    private void undo(int newLength) {
        try {
            index.truncate(newLength);
        } catch (RuntimeException | Error e) {
            free();
            throw e;
        }
    }

    /** Exact decoding with scale 1/√d. */
    public void decode(Engine engine, Tensor query, Tensor output) {
        decode(engine, CacheQuery.of(query), output, null);
    }

    /** Exact decoding with a scale of its own. */
    public void decode(Engine engine, Tensor query, Tensor output, Tensor logSumExp, float scale) {
        decode(engine, CacheQuery.of(query).withScale(scale), output, logSumExp);
    }

    /**
     * Attention of the queries to all keys, exactly but for what storing them has rounded. Unless the query has another
     * mask, its n queries belong to the last n keys: query i sees the keys up to its own, that is all but the last
     * n − 1 − i. Query heads that share a key head read it together.
     *
     * @param query     (batch, heads, n, d), n ≤ 64, heads a multiple of kvHeads, with what is said of its logits
     * @param output    receives (batch, heads, n, d_v); must not overlap the query
     * @param logSumExp receives (batch, heads, n, 1), or null; −∞ for a query that sees no key and has no sink
     * @throws IllegalArgumentException if a shape, the mask or the bias does not fit, memory overlaps, an element is
     *                                  not finite, or the logits might leave float32; nothing is written then
     * @throws IllegalStateException    if the cache, an arena or the engine is closed
     * @throws java.util.concurrent.CancellationException if the calling thread is interrupted
     */
    public void decode(Engine engine, CacheQuery query, Tensor output, Tensor logSumExp) {
        run(engine, query, output, logSumExp, view -> {
            ExactDecoder.run(view);
            return null;
        });
    }

    /** Attention of the queries to all keys by another decoder, which is given a checked call. */
    <T> T run(Engine engine, CacheQuery asked, Tensor output, Tensor logSumExp, Decoder<T> decoder) {
        Objects.requireNonNull(engine, "engine");
        Tensor query = Objects.requireNonNull(asked, "query").query();
        checkQueries(query);
        int n = query.shape().rows();
        if (n > MAX_QUERIES) {
            throw new IllegalArgumentException("at most " + MAX_QUERIES + " queries of a head can be decoded at once,"
                    + " got " + n);
        }
        Checks.usable("query", query, engine);
        written("output", Objects.requireNonNull(output, "output"), asked, store.dv(), engine);
        if (logSumExp != null) {
            written("logSumExp", logSumExp, asked, 1, engine);
            Checks.apart("logSumExp", logSumExp, "output", output);
            Checks.logSumExp(logSumExp);
        }
        Checks.biases(asked.pairBias()).forEach((name, bias) -> Checks.usable(name, bias, engine));
        lock.readLock().lock();
        try {
            requireOpen();
            asked.mask().check(unitShape.batch(), n, length);
            if (asked.pairBias() != null) {
                asked.pairBias().check(unitShape.batch(), query.shape().heads(), n, length);
            }
            Team crew = Crews.begin(engine);
            try {
                double largest = Checks.largest(crew, "query", query, null);
                double bias = asked.pairBias() == null ? 0 : Checks.largest(crew, asked.pairBias());
                Checks.magnitudes(largest, largestKey, bias, largestValue, store.d(), length, asked.scale());
                if (element == CacheElement.INT8) {
                    // Products are with whole numbers of steps before they are scaled.
                    Checks.magnitudes(largest, 127, 0, 0, store.d(), length, asked.scale());
                }
                return decoder.decode(new DecodeCall(
                        new DecodeCall.Cached(store, regions(), length, unitShape.heads()), asked, output, logSumExp,
                        crew));
            } finally {
                Crews.end(engine, crew);
            }
        } finally {
            lock.readLock().unlock();
        }
    }

    /**
     * Reads keys and values back, as they are stored and in the order in which they were appended.
     *
     * @param first  number of the first key to read
     * @param keys   receives (batch, kvHeads, rows, d)
     * @param values receives (batch, kvHeads, rows, d_v); must not overlap the keys
     * @throws IllegalArgumentException if a shape does not fit, memory overlaps, or there are fewer keys
     * @throws IllegalStateException    if the cache or an arena is closed
     */
    public void read(Engine engine, int first, Tensor keys, Tensor values) {
        Objects.requireNonNull(engine, "engine");
        int rows = Objects.requireNonNull(keys, "keys").shape().rows();
        Checks.shape("keys", keys, shape(keys, store.d()));
        Checks.shape("values", Objects.requireNonNull(values, "values"), shape(keys, store.dv()));
        Checks.usable("keys", keys, engine);
        Checks.usable("values", values, engine);
        Checks.writable("keys", keys);
        Checks.writable("values", values);
        Checks.apart("values", values, "keys", keys);
        lock.readLock().lock();
        try {
            requireOpen();
            if (first < 0 || first > length - rows) {
                throw new IllegalArgumentException("rows [" + first + ", " + ((long) first + rows) + ") must lie within"
                        + " the " + length + " keys of the cache");
            }
            Team crew = Crews.begin(engine);
            try {
                CacheRows.read(crew, store, regions(), first, keys, values);
            } finally {
                Crews.end(engine, crew);
            }
        } finally {
            lock.readLock().unlock();
        }
    }

    private List<Region> regions() {
        return index == null ? List.of() : index.regions();
    }

    /** A way to decode. */
    interface Decoder<T> {
        T decode(DecodeCall call);
    }

    private static void written(String name, Tensor tensor, CacheQuery asked, int columns, Engine engine) {
        Checks.shape(name, tensor, asked.query().shape().withColumns(columns));
        Checks.usable(name, tensor, engine);
        Checks.writable(name, tensor);
        Checks.apart(name, tensor, "query", asked.query());
        Checks.biases(asked.pairBias()).forEach((other, bias) -> Checks.apart(name, tensor, other, bias));
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
        if (index != null) {
            index.close();
        }
        store.close();
        if (mapped != null) {
            mapped.close();
            mapped = null;
        }
    }
}
