package dev.kdeformer.method;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Tensor;

/**
 * A checked call: the input, where the results go, and the threads that compute them.
 *
 * @param output    null where none is written
 * @param logSumExp may be null
 * @param later     sinks that are applied to the results afterwards, which the input does not have; null for none
 */
public record Call(AttentionInput input, Tensor output, Tensor logSumExp, Team team, Sinks later) {
    /** A call with all sinks in its input. */
    public Call(AttentionInput input, Tensor output, Tensor logSumExp, Team team) {
        this(input, output, logSumExp, team, null);
    }

    /** A call without the sinks of an input, which are left for later. */
    static Call withoutSinks(AttentionInput input, Tensor output, Tensor logSumExp, Team team) {
        return new Call(input.withoutSinks().withHiddenKeys(), output, logSumExp, team, Sinks.of(input));
    }

    /** The same call without the sinks of its input, which are left for later. */
    public Call leavingSinks() {
        return input.hasSinks() ? withoutSinks(input, output, logSumExp, team) : this;
    }

    /** The same call for a part of its input. */
    Call part(AttentionInput some, Tensor itsOutput, Tensor itsLogSumExp) {
        return new Call(some, itsOutput, itsLogSumExp, team, later);
    }

    /** The input with all sinks. */
    public AttentionInput wholeInput() {
        return later == null ? input : later.with(input);
    }

    /** Number of key heads in all batch items: the units that share packed keys. */
    public int keyHeads() {
        return input.batch() * input.kvHeads();
    }

    /** The view of key head {@code index}, from 0 to {@link #keyHeads} − 1. */
    public KeyHead keyHead(int index) {
        return new KeyHead(this, index / input.kvHeads(), index % input.kvHeads());
    }
}
