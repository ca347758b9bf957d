package dev.kdeformer.method;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Tensor;

/**
 * A checked call: the input, where the results go, and the threads that compute them.
 *
 * @param output    null where none is written
 * @param logSumExp may be null
 */
public record Call(AttentionInput input, Tensor output, Tensor logSumExp, Team team) {
    /** Number of key heads in all batch items: the units that share packed keys. */
    public int keyHeads() {
        return input.batch() * input.kvHeads();
    }

    /** The view of key head {@code index}, from 0 to {@link #keyHeads} − 1. */
    public KeyHead keyHead(int index) {
        return new KeyHead(this, index / input.kvHeads(), index % input.kvHeads());
    }
}
