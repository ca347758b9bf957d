package dev.kdeformer.decode;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;

import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.ArrayList;
import java.util.List;

/**
 * The index of a cache: a list of regions whose keys are sorted into groups of similar ones. When enough new keys have
 * come, they become a region, and regions merge as they grow, so that every key is sorted again a number of times
 * logarithmic in the length.
 */
final class CacheIndex implements AutoCloseable {
    /** Youngest keys that are never sorted, so that a causal rule among new queries only meets keys in order. */
    private static final int RESERVE = KeyValueCache.MAX_QUERIES;

    /** Unsorted keys that make a region, beyond twice the reserve. */
    private static final int REGION = 1024;

    /** Most keys of a region, which bounds the time and the memory that one merge takes. */
    private static final int LARGEST_REGION = 1 << 17;

    private final Store store;
    private final QueryMoments[] moments;
    private final List<Region> regions = new ArrayList<>();

    CacheIndex(Store store, int units) {
        this.store = store;
        this.moments = new QueryMoments[units];
        for (int unit = 0; unit < units; unit++) {
            moments[unit] = new QueryMoments(store.d());
        }
    }

    /** Keys and values could not be put back in their order: the cache is lost. */
    static final class LostException extends RuntimeException {
        private static final long serialVersionUID = 1;

        LostException(Throwable reason) {
            super(reason);
        }

        /** What happened, to be thrown. */
        RuntimeException reason() {
            if (getCause() instanceof Error error) {
                throw error;
            }
            return (RuntimeException) getCause();
        }
    }

    /** The regions, oldest first. */
    List<Region> regions() {
        return regions;
    }

    /** Off-heap bytes held. */
    long bytes() {
        return regions.stream().mapToLong(Region::bytes).sum();
    }

    /** Lets a head know queries. */
    void observe(int unit, Matrix queries) {
        moments[unit].add(queries);
    }

    /** Undoes the regions that reach among the youngest of {@code length} keys. */
    void truncate(int length) {
        while (!regions.isEmpty() && sortedKeys() > length - RESERVE) {
            dropLast(length);
        }
    }

    /** Undoes the last region, whose keys from {@code needed} on nobody needs. */
    private void dropLast(int needed) {
        Region last = regions.get(regions.size() - 1);
        for (int unit = 0; unit < moments.length && last.first() < needed; unit++) {
            last.restore(unit);
        }
        regions.remove(last);
        last.close();
    }

    /** Sorts what has become old enough, and merges regions that are no longer much larger than the next. */
    void sort(Team team, int length) {
        int sorted = sortedKeys();
        int ready = (length - sorted - 2 * RESERVE) / GROUP * GROUP;
        if (ready < REGION) {
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
            throw new LostException(e);
        } finally {
            made.forEach(Region::close);
            merged.forEach(Region::close);
        }
    }

    private int sortedKeys() {
        return regions.isEmpty() ? 0 : regions.get(regions.size() - 1).end();
    }

    @Override
    public void close() {
        regions.forEach(Region::close);
        regions.clear();
    }
}
