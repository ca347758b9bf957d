package dev.kdeformer.pilot.search;

import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.method.Sinks;

/**
 * The shares that a sink will leave of a query head's rows, which are compared before it is applied. An approximate row
 * keeps what its own estimate of the log-sum-exp says, so that the error of that counts.
 */
public final class SinkShares {
    private final KeyHead head;
    private final int member;
    private final float[] centre;

    private SinkShares(KeyHead head, int member, float[] centre) {
        this.head = head;
        this.member = member;
        this.centre = centre;
    }

    /**
     * The shares of a query head.
     *
     * @param centre what was subtracted from the keys
     * @return null where no sink is to be applied
     */
    public static SinkShares of(KeyHead head, int member, float[] centre) {
        return head.laterSink(member) == Float.NEGATIVE_INFINITY ? null : new SinkShares(head, member, centre);
    }

    /** The share of a row as it is in the output. */
    double ofOutput(int row) {
        return Sinks.share(head.logSumExp(member).get(row, 0), head.laterSink(member));
    }

    /** The share of the exact row that a state has at index {@code r}. */
    double ofExact(SoftmaxTile state, int r, int row) {
        double logSumExp = state.reference(r) * Math.log(2) + Math.log(state.sum(r))
                + head.shift(head.query(member), 0, row, 1, centre)[0];
        return Sinks.share(state.sum(r) > 0 ? logSumExp : Double.NEGATIVE_INFINITY, head.laterSink(member));
    }
}
