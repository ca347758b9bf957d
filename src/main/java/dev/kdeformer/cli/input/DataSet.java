package dev.kdeformer.cli.input;

import java.util.Map;

/**
 * A set of real queries, keys and values, as a manifest describes it.
 *
 * @param name    what {@code --data} takes
 * @param heads   number of heads
 * @param n       number of queries, and of keys
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
        String source,
        String licence, String input, String kind, Map<String, String> files) {
    /** The shape in words. */
    public String shape() {
        return heads + (heads == 1 ? " head" : " heads") + ", n = m = " + n + ", d = " + d
                + (dv == d ? "" : ", d_v = " + dv);
    }
}
