package dev.kdeformer.cli.input;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.cli.console.Failure;
import java.util.Map;

/**
 * A set of real queries, keys and values, as a manifest describes it.
 *
 * @param name    what {@code --data} takes
 * @param heads   number of query heads
 * @param n       number of queries, and of keys where the files have as many
 * @param d       features of queries and keys
 * @param dv      features of values
 * @param scale   factor before the logits
 * @param causal  whether the model's attention was causal
 * @param model   the model that the tensors come from
 * @param source  the package that the model comes from
 * @param licence what allows their use
 * @param input   what the model was given
 * @param kind    how natural this length is for the model
 * @param files   file names of q, k and v; two may be the same
 */
public record DataSet(String name, int heads, int n, int d, int dv, float scale, boolean causal, String model,
        String source, String licence, String input, String kind, Map<String, String> files) {
    /**
     * Holds what the manifest says against the tensors.
     *
     * @throws Failure if they are of another shape
     */
    void check(AttentionInput input) {
        if (input.batch() != 1 || input.heads() != heads || input.queries() != n || input.d() != d
                || input.dv() != dv) {
            throw new Failure("data set " + name + ": its manifest says heads = " + heads + ", n = " + n + ", d = " + d
                    + " and dv = " + dv + ", and its files have " + (input.batch() == 1 ? ""
                    : "batch = " + input.batch() + ", ") + "heads = " + input.heads() + ", n = " + input.queries()
                    + ", d = " + input.d()
                    + " and dv = " + input.dv());
        }
    }

    /** The shape in words. */
    public String shape() {
        return heads + (heads == 1 ? " head" : " heads") + ", n = m = " + n + ", d = " + d
                + (dv == d ? "" : ", d_v = " + dv);
    }
}
