package dev.kdeformer.onnx.run;

import dev.kdeformer.Mask;
import dev.kdeformer.onnx.match.Site;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Tells by their values what the masks of an attention come to: nothing, key lengths, a bias for each key, a causal
 * rule or window. The masks themselves are read once, row by row, and never added up as a whole.
 */
final class MaskScan {
    private final Site.Causal causal;
    private final Grid grid;
    private final List<TermView> terms;
    private final boolean byRow;
    private final int batches;
    private final int heads;
    private final RowScan scan;
    private final List<MaskForm.SpecialRow> special = new ArrayList<>();

    private MaskScan(Site.Causal causal, Grid grid, List<TermView> terms) {
        this.causal = causal;
        this.grid = grid;
        this.terms = terms;
        byRow = causal.rule() != Site.Causal.Rule.NONE || terms.stream().anyMatch(TermView::variesByRow);
        batches = terms.stream().anyMatch(TermView::variesByBatch) ? grid.batch() : 1;
        heads = terms.stream().anyMatch(TermView::variesByHead) ? grid.heads() : 1;
        scan = new RowScan(grid.keys());
    }

    /**
     * Reads the masks.
     *
     * @throws CannotRun if the engine has no mask of that form
     */
    static MaskForm scan(Site.Causal causal, Grid grid, List<TermView> terms) throws CannotRun {
        if (terms.isEmpty() && causal.rule() == Site.Causal.Rule.NONE) {
            return MaskForm.NONE;
        }
        MaskScan scan = new MaskScan(causal, grid, terms);
        return scan.byRow ? scan.rows() : scan.keys();
    }

    private void read(int b, int h, int query) throws CannotRun {
        scan.clear();
        for (TermView term : terms) {
            term.apply(b, h, query, scan.row, scan.replaced());
        }
        if (causal.rule() != Site.Causal.Rule.NONE) {
            long last = query + (causal.rule() == Site.Causal.Rule.UPPER_LEFT ? 0L : grid.keys() - grid.queries());
            long first = causal.window() == 0 ? 0 : last - causal.window() + 1;
            for (int j = 0; j < scan.row.length; j++) {
                if (j < first || j > last) {
                    scan.row[j] += (float) causal.added();
                }
            }
        }
        scan.look();
    }

    private void special(int b, int h, int query) {
        int first = scan.kind == RowScan.Kind.MEAN ? scan.first : 0;
        int end = scan.kind == RowScan.Kind.MEAN ? scan.end : 0;
        special.add(new MaskForm.SpecialRow(batches == 1 ? -1 : b, heads == 1 ? -1 : h, query, first, end));
    }

    /** All queries see the same. */
    private MaskForm keys() throws CannotRun {
        int m = grid.keys();
        float[] bias = new float[batches * heads * m];
        int[] lengths = new int[batches];
        boolean areLengths = heads == 1;
        for (int b = 0; b < batches; b++) {
            for (int h = 0; h < heads; h++) {
                read(b, h, 0);
                if (scan.kind != RowScan.Kind.SOFTMAX) {
                    special(b, h, -1);
                    lengths[b] = m;
                    continue;
                }
                areLengths &= scan.flat && scan.first == 0 && scan.end == scan.count;
                lengths[b] = scan.end;
                for (int j = 0; j < m; j++) {
                    bias[(b * heads + h) * m + j] = !scan.isVisible(j) ? Float.NEGATIVE_INFINITY
                            : scan.flat ? 0 : scan.row[j];
                }
            }
        }
        if (areLengths) {
            boolean all = Arrays.stream(lengths).allMatch(length -> length == m);
            return new MaskForm(all ? "none" : "key lengths", all ? Mask.none() : Mask.none().withKeyLengths(
                    perItem(lengths)), null, 1, 1, special);
        }
        return new MaskForm("key bias", Mask.none(), bias, batches, heads, special);
    }

    private int[] perItem(int[] lengths) {
        int[] all = new int[grid.batch()];
        for (int b = 0; b < all.length; b++) {
            all[b] = lengths[Math.min(b, lengths.length - 1)];
        }
        return all;
    }

    /** Queries see different keys. */
    private MaskForm rows() throws CannotRun {
        int n = grid.queries();
        int m = grid.keys();
        VisibleKeys[] seen = new VisibleKeys[batches * heads];
        for (int b = 0; b < batches; b++) {
            for (int h = 0; h < heads; h++) {
                VisibleKeys keys = new VisibleKeys(n, m);
                seen[b * heads + h] = keys;
                for (int i = 0; i < n; i++) {
                    read(b, h, i);
                    if (scan.kind == RowScan.Kind.SOFTMAX) {
                        keys.add(i, scan);
                    } else {
                        special(b, h, i);
                    }
                }
                keys.sum();
            }
        }
        boolean alike = Arrays.stream(seen).allMatch(VisibleKeys::hasKeyBias);
        if (alike) {
            for (boolean lowerRight : new boolean[] {true, false}) {
                int offset = lowerRight ? m - n : 0;
                Mask rule = lowerRight ? Mask.causal() : Mask.causalUpperLeft();
                if (Arrays.stream(seen).allMatch(keys -> keys.follows(offset, Integer.MAX_VALUE))) {
                    return form("causal", rule, seen, 0);
                }
                int window = Arrays.stream(seen).mapToInt(keys -> keys.window(offset)).max().orElse(0);
                if (window > 0 && Arrays.stream(seen).allMatch(keys -> keys.follows(offset, window))) {
                    return form("causal window " + window, rule.withWindow(window), seen,
                            Math.max(0, Math.min(m, offset - window + 1)));
                }
            }
            if (Arrays.stream(seen).allMatch(keys -> keys.seesAll())) {
                return form("none", Mask.none(), seen, 0);
            }
        }
        throw new CannotRun(alike ? "each query has keys of its own to see" : "its bias is one for each pair");
    }

    /** A rule with what else hides or weighs keys. */
    private MaskForm form(String kind, Mask rule, VisibleKeys[] seen, int from) {
        int m = grid.keys();
        boolean areLengths = heads == 1 && Arrays.stream(seen).allMatch(keys -> keys.areLengths(from));
        if (areLengths) {
            int[] lengths = new int[batches];
            for (int b = 0; b < batches; b++) {
                lengths[b] = seen[b].length();
            }
            boolean all = Arrays.stream(lengths).allMatch(length -> length == m);
            String lengthsToo = kind.equals("none") ? "key lengths" : kind + ", key lengths";
            return new MaskForm(all ? kind : lengthsToo, all ? rule : rule.withKeyLengths(perItem(lengths)), null, 1,
                    1, special);
        }
        float[] bias = new float[seen.length * m];
        for (int i = 0; i < seen.length; i++) {
            seen[i].bias(bias, i * m);
        }
        return new MaskForm(kind.equals("none") ? "key bias" : kind + ", key bias", rule, bias, batches, heads,
                special);
    }
}
