package dev.kdeformer.onnx.run;

import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.PairBias;
import dev.kdeformer.onnx.match.Site;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Tells by their values what the masks of an attention come to: nothing, key lengths, a bias for each key, a causal
 * rule, a window or other ranges of keys, a bias for each distance, or else one for each pair. The masks themselves are
 * read row by row, and never added up as a whole.
 */
final class MaskScan {
    /** Rows that one thread reads at a time, at least: each such piece has arrays of its own. */
    private static final int PIECE = 64;

    private final Grid grid;
    private final Engine engine;
    private final MaskSum sum;
    private final boolean byRow;
    private final int batches;
    private final int heads;
    private final List<MaskForm.SpecialRow> special = new ArrayList<>();

    private boolean shifts;

    private MaskScan(Engine engine, Site.Causal causal, Grid grid, List<TermView> terms) {
        this.engine = engine;
        this.grid = grid;
        sum = new MaskSum(causal, grid, terms);
        byRow = causal.rule() != Site.Causal.Rule.NONE || terms.stream().anyMatch(TermView::variesByRow);
        batches = terms.stream().anyMatch(TermView::variesByBatch) ? grid.batch() : 1;
        heads = terms.stream().anyMatch(TermView::variesByHead) ? grid.heads() : 1;
    }

    /**
     * Reads the masks, on all threads of an engine; what they come to does not depend on their number.
     *
     * @throws CannotRun if the engine has nothing of that form
     */
    static MaskForm scan(Engine engine, Site.Causal causal, Grid grid, List<TermView> terms) throws CannotRun {
        if (terms.isEmpty() && causal.rule() == Site.Causal.Rule.NONE) {
            return MaskForm.NONE;
        }
        MaskScan scan = new MaskScan(engine, causal, grid, terms);
        return scan.byRow ? scan.rows() : scan.keys();
    }

    private MaskForm.SpecialRow special(RowScan scan, int b, int h, int query) {
        int first = scan.kind == RowScan.Kind.MEAN ? scan.first : 0;
        int end = scan.kind == RowScan.Kind.MEAN ? scan.end : 0;
        return new MaskForm.SpecialRow(batches == 1 ? -1 : b, heads == 1 ? -1 : h, query, first, end);
    }

    /** All queries see the same. */
    private MaskForm keys() throws CannotRun {
        int m = grid.keys();
        float[] bias = new float[batches * heads * m];
        int[] lengths = new int[batches];
        boolean areLengths = heads == 1;
        RowScan scan = new RowScan(m);
        for (int b = 0; b < batches; b++) {
            for (int h = 0; h < heads; h++) {
                scan.read(sum, b, h, 0);
                shifts |= scan.shifts();
                if (scan.kind != RowScan.Kind.SOFTMAX) {
                    special.add(special(scan, b, h, -1));
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
                    perItem(lengths)), null, null, special, shifts);
        }
        return new MaskForm("key bias", Mask.none(), new MaskForm.KeyBias(bias, batches, heads), null, special, shifts);
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
                seen[b * heads + h] = head(b, h);
            }
        }
        Visibility rule = Visibility.of(seen, n, m);
        if (rule != null && Arrays.stream(seen).allMatch(VisibleKeys::hasKeyBias)) {
            return form(rule, rule.kind(), seen, Arrays.stream(seen).anyMatch(keys -> !keys.isFlat()), null);
        }
        float[][] table = rule == null || !headsSeeTheSame(seen) ? null : distances(seen, n + m - 1);
        if (table != null) {
            return form(rule, and(rule.kind(), "distance bias"), seen, false, PairBias.byDistance(0, 1 - n, table));
        }
        String dense = Arrays.stream(seen).allMatch(VisibleKeys::isFlat) ? "dense mask" : "dense bias";
        return new MaskForm(rule == null ? dense : and(rule.kind(), dense), rule == null
                ? Visibility.outer(seen, n, m).mask() : rule.mask(), null,
                new SumBias(sum, batches, heads, seen), special, shifts);
    }

    /** What the queries of a head see, read in pieces that follow each other. */
    private VisibleKeys head(int b, int h) throws CannotRun {
        int n = grid.queries();
        int size = Math.max(PIECE, Math.ceilDiv(n, engine.threads()));
        Piece[] pieces = new Piece[Math.ceilDiv(n, size)];
        Team team = Crews.begin(engine);
        try {
            team.forRanges(n, size, (from, to, scratch) -> pieces[from / size] = piece(b, h, from, to));
        } finally {
            Crews.end(engine, team);
        }
        VisibleKeys keys = new VisibleKeys(n, grid.keys());
        for (Piece piece : pieces) {
            if (piece.refusal != null) {
                throw piece.refusal;
            }
            keys.take(piece.keys);
            special.addAll(piece.special);
            shifts |= piece.shifts;
        }
        keys.sum();
        return keys;
    }

    /** Some rows of a head. */
    private static final class Piece {
        private VisibleKeys keys;
        private final List<MaskForm.SpecialRow> special = new ArrayList<>();
        private boolean shifts;
        private CannotRun refusal;
    }

    private Piece piece(int b, int h, int from, int to) {
        Piece piece = new Piece();
        piece.keys = new VisibleKeys(from, to, grid.queries(), grid.keys());
        RowScan scan = new RowScan(grid.keys());
        try {
            for (int i = from; i < to; i++) {
                scan.read(sum, b, h, i);
                piece.shifts |= scan.shifts();
                if (scan.kind == RowScan.Kind.SOFTMAX) {
                    piece.keys.add(i, scan);
                } else {
                    piece.special.add(special(scan, b, h, i));
                }
            }
        } catch (CannotRun e) {
            piece.refusal = e;
        }
        return piece;
    }

    private static String and(String kind, String more) {
        return kind.equals("none") ? more : kind + ", " + more;
    }

    private boolean headsSeeTheSame(VisibleKeys[] seen) {
        for (int i = 0; i < seen.length; i++) {
            if (!seen[i].seesKeysOf(seen[i - i % heads])) {
                return false;
            }
        }
        return true;
    }

    /** What is added at each distance for each head, if that is all the same in all batch items; else null. */
    private float[][] distances(VisibleKeys[] seen, int count) {
        float[][] table = new float[heads][count];
        for (int h = 0; h < heads; h++) {
            Arrays.fill(table[h], Float.NaN);
            for (int b = 0; b < batches; b++) {
                if (!seen[b * heads + h].distances(table[h])) {
                    return null;
                }
            }
            for (int i = 0; i < count; i++) {
                table[h][i] = Float.isNaN(table[h][i]) ? 0 : table[h][i];
            }
        }
        return table;
    }

    /**
     * A rule with what else hides or weighs keys.
     *
     * @param weighs whether keys have weights of their own beside
     */
    private MaskForm form(Visibility rule, String kind, VisibleKeys[] seen, boolean weighs, PairBias pairs) {
        int m = grid.keys();
        int distinct = !weighs && headsSeeTheSame(seen) ? 1 : heads;
        if (distinct == 1 && !weighs && Arrays.stream(seen).allMatch(keys -> keys.areLengths(rule.from()))) {
            int[] lengths = new int[batches];
            for (int b = 0; b < batches; b++) {
                lengths[b] = seen[b * heads].length();
            }
            boolean all = Arrays.stream(lengths).allMatch(length -> length == m);
            return new MaskForm(all ? kind : and(kind, "key lengths"), all ? rule.mask() : rule.mask().withKeyLengths(
                    perItem(lengths)), null, pairs, special, shifts);
        }
        float[] bias = new float[batches * distinct * m];
        for (int b = 0; b < batches; b++) {
            for (int h = 0; h < distinct; h++) {
                seen[b * heads + h].bias(weighs, bias, (b * distinct + h) * m);
            }
        }
        return new MaskForm(and(kind, "key bias"), rule.mask(),
                new MaskForm.KeyBias(bias, batches, distinct), pairs, special, shifts);
    }
}
