package dev.kdeformer.onnx.run;

import dev.kdeformer.Mask;
import dev.kdeformer.PairBias;
import java.util.List;

/**
 * What the masks of an attention come to, as the engine takes it.
 *
 * @param kind    in a few words, for whoever looks at the model
 * @param mask    causal rule, window, key lengths and ranges
 * @param bias    what is added to the logits of each key; null for nothing
 * @param pairs   what is added to the logits of each pair; null for nothing
 * @param special rows that see nothing, or keys alike without regard to the logits
 * @param shifts  whether a row has a summand of all its keys that is lost here and counts beside a sink
 */
record MaskForm(String kind, Mask mask, KeyBias bias, PairBias pairs, List<SpecialRow> special, boolean shifts) {
    static final MaskForm NONE = new MaskForm("none", Mask.none(), null, null, List.of(), false);

    /**
     * What is added to the logits of each key.
     *
     * @param numbers (batch, heads, 1, m)
     * @param batch   batch items whose biases differ, or 1
     * @param heads   heads whose biases differ, or 1
     */
    record KeyBias(float[] numbers, int batch, int heads) {
    }

    /**
     * A row that no softmax of logits gives.
     *
     * @param batch the batch item, −1 for all
     * @param head  the head, −1 for all
     * @param query the row, −1 for all
     * @param first the first of the keys whose values it is the mean of
     * @param end   the key after the last of them; if that is {@code first}, the row is NaN, or zeros where the graph
     *              guards against NaN
     */
    record SpecialRow(int batch, int head, int query, int first, int end) {
    }
}
