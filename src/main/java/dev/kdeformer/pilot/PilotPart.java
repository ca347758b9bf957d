package dev.kdeformer.pilot;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.Engine;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.method.MethodFrame;
import dev.kdeformer.pilot.causal.CausalUnit;
import dev.kdeformer.pilot.repeats.RepeatedRows;
import dev.kdeformer.pilot.search.Outcome;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.pilot.walk.Share;
import dev.kdeformer.pilot.walk.TreeUnit;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.lang.ref.Reference;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * Part p of P of a call of pilot attention, for several machines that hold the whole input each. The tree of the
 * queries is cut at its leaves, between as many of them as there are parts, or the spans of a causal call are dealt
 * out; a part walks down to its own leaves and writes their rows. All parts write every row once, and the bits of the
 * whole call, at any number of parts and threads.
 *
 * <p>What parts have in common is the order of the queries, the groups of the keys and the look at all keys at the top
 * of the tree; each part repeats it unless it is given a {@link PilotPlan}. The walk begins at 16 or 32 nodes where
 * there are as many queries as keys: up to so many parts, powers of two, none of the walk is repeated, and a part keeps
 * as many threads busy as it has such nodes. With more parts each node is measured by all parts below it.
 *
 * <p>An immutable value, made by {@link PilotAttention#part}.
 */
public final class PilotPart {
    private static final int MOST_PARTS = 4096;

    private final PilotAttention method;
    private final int part;
    private final int parts;

    PilotPart(PilotAttention method, int part, int parts) {
        if (parts < 1 || parts > MOST_PARTS) {
            throw new IllegalArgumentException("parts must be between 1 and " + MOST_PARTS + ", got " + parts);
        }
        if (part < 0 || part >= parts) {
            throw new IllegalArgumentException("part must be between 0 and " + (parts - 1) + ", got " + part);
        }
        this.method = method;
        this.part = part;
        this.parts = parts;
    }

    /**
     * What a part did.
     *
     * @param statistics of the part: its columns are its work over all queries of the call, so that those of all parts
     *                   add up to the whole call's and what is repeated
     * @param rows       for each query head of each batch item, in this order, the rows that were written, ascending
     */
    public record Done(Statistics statistics, int[][] rows) {
    }

    /**
     * Computes the rows of this part and leaves all others as they are.
     *
     * @param output    (batch, heads, n, d_v), as for the whole call
     * @param logSumExp (batch, heads, n, 1) as for the whole call; may be null
     * @see PilotAttention#apply(Engine, AttentionInput, Tensor, Tensor)
     */
    public Done apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp) {
        Share share = new Share(part, parts, input.batch() * input.heads());
        Statistics statistics = MethodFrame.of(method, call -> run(call, share, unit -> attend(unit, share)))
                .refusing(method.limits()::check).writing(share::rows).apply(engine, input, output, logSumExp);
        return new Done(statistics, share.rows());
    }

    /**
     * Computes the rows of this part with what is known of the call, and leaves all others as they are.
     *
     * @param plan      made by a method with the same options; its input is that of the call
     * @param output    (batch, heads, n, d_v), as for the whole call
     * @param logSumExp (batch, heads, n, 1) as for the whole call; may be null
     * @throws IllegalArgumentException if the plan is of a method with other options
     * @see #apply(Engine, AttentionInput, Tensor, Tensor)
     */
    public Done apply(Engine engine, PilotPlan plan, Tensor output, Tensor logSumExp) {
        AttentionInput input = Objects.requireNonNull(plan, "plan").input();
        if (!plan.method().options(input).equals(method.options(input))) {
            throw new IllegalArgumentException("plan must be of a method with the options "
                    + method.parameters(input) + ", got " + plan.method().parameters(input));
        }
        Share share = new Share(part, parts, input.batch() * input.heads());
        try {
            Statistics statistics = MethodFrame.of(method, call -> run(call, share, unit -> attend(unit, share, plan)))
                    .refusing(method.limits()::check).writing(share::rows).trusting()
                    .apply(engine, input, output, logSumExp);
            return new Done(statistics, share.rows());
        } finally {
            Reference.reachabilityFence(plan);
        }
    }

    private static void attend(Unit unit, Share share, PilotPlan plan) {
        if (plan.spans(unit.index()) != null) {
            CausalUnit.attend(unit, share, plan.spans(unit.index()));
        } else if (plan.tree(unit.index()) != null) {
            TreeUnit.attend(unit, share, plan.tree(unit.index()));
        } else {
            attend(unit, share);
        }
    }

    private static void attend(Unit unit, Share share) {
        AttentionInput input = unit.call().input();
        RepeatedRows repeated = RepeatedRows.of(unit);
        if (repeated != null) {
            for (int member = 0; member < input.groupSize(); member++) {
                repeated.attend(member, share.even(unit.query(member), input.queries()));
            }
        } else if (!(input.mask().isCausal() ? CausalUnit.attend(unit, share) : TreeUnit.attend(unit, share))) {
            writeNothing(unit, share);
        }
    }

    private Statistics run(Call call, Share share, Consumer<Unit> attend) {
        AttentionInput input = call.input();
        call.team().expect((long) call.keyHeads() * input.groupSize() * input.queries());
        Outcome whole = PilotAttention.run(call, method.options(input), attend);
        return new Statistics(PilotAttention.evaluations(whole, input), "");
    }

    /** What attention to no key at all is: zeros, and log-sums of −∞. */
    private static void writeNothing(Unit unit, Share share) {
        KeyHead head = unit.head();
        for (int member = 0; member < head.groupSize(); member++) {
            Matrix output = head.output(member);
            Matrix logSumExp = head.logSumExp(member);
            float[] zeros = new float[output.columns()];
            for (int row : share.even(unit.query(member), output.rows())) {
                output.writeRow(row, zeros, 0);
                if (logSumExp != null) {
                    logSumExp.set(row, 0, Float.NEGATIVE_INFINITY);
                }
            }
        }
    }
}
