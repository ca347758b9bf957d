package dev.kdeformer.onnx.run;

import dev.kdeformer.onnx.match.Site;
import java.util.Arrays;
import java.util.List;

/** The masks of an attention as one sum for every pair of a query and a key, which is never held as a whole. */
final class MaskSum {
    private final Site.Causal causal;
    private final List<TermView> terms;
    private final int queries;
    private final int keys;

    MaskSum(Site.Causal causal, Grid grid, List<TermView> terms) {
        this.causal = causal;
        this.terms = terms;
        queries = grid.queries();
        keys = grid.keys();
    }

    /**
     * A query and some keys that follow each other.
     *
     * @param from  the first key
     * @param count how many keys
     */
    record Keys(int batch, int head, int query, int from, int count) {
    }

    /**
     * Writes what is added to the logits of a query for some keys.
     *
     * @param start    where the first of them goes
     * @param replaced whether a logit itself no longer counts, only what is added; null where nobody asks
     */
    void read(Keys run, float[] target, int start, boolean[] replaced) throws CannotRun {
        Arrays.fill(target, start, start + run.count(), 0);
        for (TermView term : terms) {
            term.apply(run, target, start, replaced);
        }
        if (causal.rule() != Site.Causal.Rule.NONE) {
            long at = run.query() + (causal.rule() == Site.Causal.Rule.UPPER_LEFT ? 0L : keys - queries);
            long first = at - causal.before();
            long last = at + causal.after();
            for (int j = 0; j < run.count(); j++) {
                if (run.from() + j < first || run.from() + j > last) {
                    target[start + j] += (float) causal.added();
                }
            }
        }
    }
}
