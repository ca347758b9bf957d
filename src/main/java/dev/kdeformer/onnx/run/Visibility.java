package dev.kdeformer.onnx.run;

import dev.kdeformer.Mask;
import java.util.Arrays;

/**
 * A rule by which all queries of all heads and batch items see keys, apart from keys that nobody sees.
 *
 * @param kind in a few words
 * @param mask the rule
 * @param from the first key that it shows to any query
 */
record Visibility(String kind, Mask mask, int from) {
    /**
     * Finds the rule.
     *
     * @param seen what is seen in each batch item and head
     * @return null if there is none
     */
    static Visibility of(VisibleKeys[] seen, int n, int m) {
        for (boolean lowerRight : new boolean[] {true, false}) {
            int offset = lowerRight ? m - n : 0;
            Mask rule = lowerRight ? Mask.causal() : Mask.causalUpperLeft();
            if (Arrays.stream(seen).allMatch(keys -> keys.follows(offset, Integer.MAX_VALUE, 0))) {
                return new Visibility("causal", rule, 0);
            }
            int window = Arrays.stream(seen).mapToInt(keys -> keys.window(offset)).max().orElse(0);
            if (window > 0 && Arrays.stream(seen).allMatch(keys -> keys.follows(offset, window, 0))) {
                return new Visibility("causal window " + window, rule.withWindow(window),
                        Math.max(0, Math.min(m, offset - window + 1)));
            }
        }
        if (Arrays.stream(seen).allMatch(VisibleKeys::seesAll)) {
            return new Visibility("none", Mask.none(), 0);
        }
        int offset = m - n;
        int left = Arrays.stream(seen).mapToInt(keys -> keys.before(offset)).max().orElse(-1);
        int right = Arrays.stream(seen).mapToInt(keys -> keys.after(offset)).max().orElse(-1);
        if (left >= 0 && right >= 0 && Arrays.stream(seen).allMatch(keys -> keys.follows(offset, left + 1, right))) {
            return new Visibility("window " + left + "," + right, Mask.window(left, right),
                    Math.max(0, Math.min(m, offset - left)));
        }
        Visibility outer = outer(seen, n, m);
        int[] first = firsts(seen, n, m);
        int[] end = ends(seen, n);
        return Arrays.stream(seen).allMatch(keys -> keys.follows(first, end)) ? outer : null;
    }

    /** The least range of keys of each query that holds what it sees in every batch item and head. */
    static Visibility outer(VisibleKeys[] seen, int n, int m) {
        int[] first = firsts(seen, n, m);
        int[] last = Arrays.stream(ends(seen, n)).map(end -> end - 1).toArray();
        boolean all = Arrays.stream(first).allMatch(key -> key == 0) && Arrays.stream(last).allMatch(
                key -> key == m - 1);
        return new Visibility("key ranges", all ? Mask.none() : Mask.none().withRanges(first, last),
                Arrays.stream(first).min().orElse(0));
    }

    private static int[] firsts(VisibleKeys[] seen, int n, int m) {
        int[] first = new int[n];
        Arrays.fill(first, m);
        for (VisibleKeys keys : seen) {
            keys.lower(first);
        }
        return first;
    }

    private static int[] ends(VisibleKeys[] seen, int n) {
        int[] end = new int[n];
        for (VisibleKeys keys : seen) {
            keys.raise(end);
        }
        return end;
    }
}
