package dev.kdeformer.kdeformer;

import dev.kdeformer.lsh.CountingSort;
import dev.kdeformer.lsh.SortedBlocks;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/**
 * Which keys the queries of a range meet, all of which see all of a range of keys: both are sorted by their hashes and
 * cut into matching blocks, and keys are sampled for what lies outside the blocks. A range of few keys is one block
 * without samples. The same head, ranges and index always give the same choice.
 */
final class BlockChoice {
    private final SortedBlocks blocks;
    private final long keyOrder;
    private final long[] queryOrders;
    private final KeySample sample;

    /**
     * Chooses for queries [queryFrom, queryTo) and keys [keyFrom, keyTo), with memory from the team's scratch.
     *
     * @param index number of this range among those of its head; different ones draw different samples
     */
    BlockChoice(HashedHead head, int queryFrom, int queryTo, int keyFrom, int keyTo, int index, Team team) {
        Scratch memory = team.scratch();
        int queries = queryTo - queryFrom;
        int keys = keyTo - keyFrom;
        this.keyOrder = memory.ints(keys);
        this.queryOrders = new long[head.keyHead().groupSize()];
        BlockSampling settings = head.settings();
        if (settings.isExact(keys)) {
            this.blocks = SortedBlocks.of(queries, keys, Integer.MAX_VALUE);
            identity(keyOrder, keyFrom, keys);
            queryOrders[0] = memory.ints(queries);
            identity(queryOrders[0], queryFrom, queries);
            Arrays.fill(queryOrders, queryOrders[0]);
            this.sample = null;
            return;
        }
        this.blocks = SortedBlocks.of(queries, keys, settings.blockSize());
        CountingSort.sort(team, head.keyRanks(), keyFrom, keyTo, settings.hashBits(), keyOrder);
        for (int member = 0; member < queryOrders.length; member++) {
            queryOrders[member] = memory.ints(queries);
            CountingSort.sort(team, head.queryRanks(member), queryFrom, queryTo, settings.hashBits(),
                    queryOrders[member]);
        }
        this.sample = KeySample.draw(memory, settings.draws(), settings.samples(), head.draws(index), keyOrder, keys,
                head.weights());
    }

    private static void identity(long order, int from, int count) {
        for (int i = 0; i < count; i++) {
            Memory.putInt(order + (long) i * Integer.BYTES, from + i);
        }
    }

    /** The cut of the sorted queries and keys. */
    SortedBlocks blocks() {
        return blocks;
    }

    /** Address of the key at every position. */
    long keyOrder() {
        return keyOrder;
    }

    /** Address of the query at every position, for a query head. */
    long queryOrder(int member) {
        return queryOrders[member];
    }

    /** The sample; null where the only block holds all keys. */
    KeySample sample() {
        return sample;
    }

    /** Number of queries of a block, for each query head. */
    int queries(int block) {
        return blocks.queryFrom(block + 1) - blocks.queryFrom(block);
    }

    /** Number of keys of a block. */
    int keys(int block) {
        return blocks.keyFrom(block + 1) - blocks.keyFrom(block);
    }

    /** The first sampled entry that lies in a block or behind it. */
    int firstSample(int block) {
        return sample.firstFrom(blocks.keyFrom(block));
    }

    /** Addresses of ints, the key of every sampled entry, in memory from {@code scratch}. */
    long sampledKeys(Scratch scratch) {
        long rows = scratch.ints(sample.count());
        for (int entry = 0; entry < sample.count(); entry++) {
            int key = Memory.getInt(keyOrder + (long) sample.position(entry) * Integer.BYTES);
            Memory.putInt(rows + (long) entry * Integer.BYTES, key);
        }
        return rows;
    }
}
