package dev.kdeformer.pilot.keys;

import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import java.util.function.Function;

/**
 * The query heads that read one key head, one after the other: each head's queries are loaded and reflected, and what
 * is made of the keys is made once, with the first of them.
 */
public final class SharedKeys {
    private SharedKeys() {
    }

    /** What is done with a query head. */
    @FunctionalInterface
    public interface Member<K> {
        /**
         * Does it. What it takes of the team's scratch memory is released after it.
         *
         * @param member  index of the query head among those that read the key head
         * @param queries the head's queries times the scale, reflected, in the caller's order
         * @param keys    what was made of the keys
         */
        void accept(int member, Rows queries, K keys);
    }

    /**
     * Does something with every query head.
     *
     * @param groups number of groups of the keys
     * @param made   makes something of the grouped keys, with memory that lasts for all query heads
     * @return false if no key is visible; nothing has been done then
     */
    public static <K> boolean forEach(KeyHead head, float scale, int groups, Function<KeyGroups, K> made,
            Member<K> each, Team team) {
        return forEach(head, scale, groups, made, each, team, team);
    }

    /**
     * The same with other memory for what is made of the keys.
     *
     * @param keeping whose memory that is; it is not released
     */
    public static <K> boolean forEach(KeyHead head, float scale, int groups, Function<KeyGroups, K> made,
            Member<K> each, Team team, Team keeping) {
        int[] visible = head.visibleKeys();
        if (visible.length == 0) {
            return false;
        }
        Scratch scratch = team.scratch();
        long mark = scratch.mark();
        KeyGroups keys = null;
        K shared = null;
        for (int member = 0; member < head.groupSize(); member++) {
            long start = scratch.mark();
            Rows queries = Rows.load(head.query(member), null, null, scale, team);
            Reflection reflection = Reflection.reflect(queries, keys, team);
            if (keys == null) {
                keys = KeyGroups.of(head, visible, queries, reflection, groups, team, keeping);
                shared = made.apply(keys);
                start = scratch.mark();
            }
            each.accept(member, queries, shared);
            scratch.release(start);
        }
        scratch.release(mark);
        return true;
    }
}
