package dev.kdeformer.onnx;

import dev.kdeformer.AttentionInput;

/**
 * An attention of a model, or what looks like one.
 *
 * @param index  its number among those that are computed here, from 0 on; −1 if it stays in the model
 * @param name   the name of its softmax or operator in the file
 * @param form   how the file writes it
 * @param sizes  its heads, features and rows
 * @param mask   what its masks came to in the latest run; before, whether it has any
 * @param runs   where it runs
 * @param reason why it does not run here, or what a method could not do, as a clause; else the empty string
 */
public record OnnxAttention(int index, String name, String form, Sizes sizes, String mask, Place runs, String reason) {
    /**
     * The sizes of an attention, each 0 as long as neither the file nor a run has told it.
     *
     * @param heads   query heads
     * @param kvHeads key and value heads
     * @param d       features of queries and keys
     * @param dv      features of values
     * @param queries queries n of the latest run
     * @param keys    keys m of the latest run
     */
    public record Sizes(int heads, int kvHeads, int d, int dv, int queries, int keys) {
        static final Sizes UNKNOWN = new Sizes(0, 0, 0, 0, 0, 0);

        static Sizes of(AttentionInput input) {
            return new Sizes(input.heads(), input.kvHeads(), input.d(), input.dv(), input.queries(), input.keys());
        }
    }

    /** Where an attention is computed. */
    public enum Place {
        /** By this library. */
        HERE,
        /** By ONNX Runtime in a session of its own, decided by the values of a run. */
        ALONE,
        /** By ONNX Runtime within the rest of the model. */
        IN_MODEL
    }

    OnnxAttention at(Place place, String why) {
        return new OnnxAttention(index, name, form, sizes, mask, place, why);
    }
}
