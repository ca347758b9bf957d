package dev.kdeformer.onnx.run;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.tensor.Tensor;

/** Chooses how attentions are computed and is told how they were. Attentions have the numbers of the plan. */
public interface RunListener {
    /** The method for an attention; null leaves it to ONNX Runtime. */
    AttentionMethod method(int index);

    /**
     * An attention was computed here.
     *
     * @param mask what its masks came to
     * @param note what the method that was asked for could not do, as a clause, or the empty string
     */
    void computed(int index, AttentionInput input, Tensor output, String mask, AttentionMethod.Statistics statistics,
            String note, long nanos);

    /**
     * An attention was computed by ONNX Runtime in a session of its own.
     *
     * @param reason why, as a clause; the empty string if that was asked for
     */
    void left(int index, String reason, long nanos);
}
