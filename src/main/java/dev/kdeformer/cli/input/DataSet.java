package dev.kdeformer.cli.input;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.cli.console.Failure;
import java.util.Map;

/**
 * A set of real queries, keys and values, as a manifest describes it.
 *
 * @param name    what {@code --data} takes
 * @param sizes   of the tensors
 * @param scale   factor before the logits
 * @param causal  whether the model's attention was causal
 * @param origin  where the tensors come from
 * @param files   file names of q, k and v; two may be the same
 */
public record DataSet(String name, Sizes sizes, float scale, boolean causal, Origin origin,
        Map<String, String> files) {
    /**
     * The sizes of a set.
     *
     * @param heads number of query heads
     * @param n     number of queries, and of keys where the files have as many
     * @param d     features of queries and keys
     * @param dv    features of values
     */
    public record Sizes(int heads, int n, int d, int dv) {
        @Override
        public String toString() {
            return "heads = " + heads + ", n = " + n + ", d = " + d + " and dv = " + dv;
        }
    }

    /**
     * Where a set comes from.
     *
     * @param model   the model that the tensors come from
     * @param source  the package that the model comes from
     * @param licence what allows their use
     * @param input   what the model was given
     * @param kind    how natural this length is for the model
     */
    public record Origin(String model, String source, String licence, String input, String kind) {
    }

    /**
     * Holds what the manifest says against the tensors.
     *
     * @throws Failure if they are of another shape
     */
    void check(AttentionInput input) {
        Sizes found = new Sizes(input.heads(), input.queries(), input.d(), input.dv());
        if (input.batch() != 1 || !found.equals(sizes)) {
            throw new Failure("data set " + name + ": its manifest says " + sizes + ", and its files have "
                    + (input.batch() == 1 ? "" : "batch = " + input.batch() + ", ") + found);
        }
    }

    /** The shape in words. */
    public String shape() {
        return sizes.heads + (sizes.heads == 1 ? " head" : " heads") + ", n = m = " + sizes.n + ", d = " + sizes.d
                + (sizes.dv == sizes.d ? "" : ", d_v = " + sizes.dv);
    }
}
