package dev.kdeformer.onnx;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.tensor.Tensor;

/** Is told of every attention that is computed here, right after it was computed. */
@FunctionalInterface
public interface AttentionObserver {
    /**
     * Called on the thread that runs the model. The tensors are views of memory that is reused afterwards: whoever
     * wants to keep them has to copy. The time this takes counts to the run.
     *
     * @param attention  which one, with what is known of this run
     * @param input      queries, keys, values, scale and masks
     * @param output     what was computed
     * @param statistics what the method says of it
     * @param nanos      how long it took
     */
    void observe(OnnxAttention attention, AttentionInput input, Tensor output, Statistics statistics, long nanos);
}
