package dev.kdeformer.pilot;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.MethodFrame;
import dev.kdeformer.pilot.causal.CausalPlan;
import dev.kdeformer.pilot.repeats.RepeatedRows;
import dev.kdeformer.pilot.search.Outcome;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.pilot.walk.TreePlan;
import dev.kdeformer.runtime.Scratch;
import java.util.function.BiFunction;

/**
 * What all {@link PilotPart parts} of a call have in common, found once: the order of the queries, the groups of the
 * keys, and which keys the nodes at the top of the tree keep and fold. Parts with a plan repeat none of it, and write
 * the same bits as without.
 *
 * <p>A plan is of one input and one method. It holds on to the input, which must not change; the sorted keys and values
 * lie beside it, off the heap, until some time after the plan is no longer held. {@link #toBytes} is what another
 * machine, which has the input, needs besides: a few bytes for each query and each key, no feature of which is among
 * them. It sorts and searches nothing then, but still copies all keys and values.
 *
 * <p>An immutable value; several parts may use it at the same time.
 */
public final class PilotPlan {
    private final PilotAttention method;
    private final AttentionInput input;
    /** For each key head of each batch item what its parts share; null if no key is visible or rows repeat. */
    private final TreePlan[] trees;
    /** The same under a causal mask. */
    private final CausalPlan[] spans;
    private final double columns;
    /** Holds the memory of the plan; not to be lost while a part runs. */
    private final Scratch[] kept;

    private PilotPlan(PilotAttention method, Call call, BiFunction<Unit, Scratch, Object> find) {
        this.method = method;
        this.input = call.wholeInput();
        PilotOptions options = method.options(input);
        this.trees = new TreePlan[call.keyHeads()];
        this.spans = new CausalPlan[call.keyHeads()];
        this.kept = new Scratch[call.keyHeads()];
        Outcome whole = PilotAttention.run(call, options, unit -> {
            kept[unit.index()] = Scratch.collected();
            Object found = find.apply(unit, kept[unit.index()]);
            if (found instanceof TreePlan tree) {
                trees[unit.index()] = tree;
            } else if (found != null) {
                spans[unit.index()] = (CausalPlan) found;
            }
        });
        this.columns = PilotAttention.evaluations(whole, input);
    }

    private PilotPlan(PilotAttention method, AttentionInput input) {
        this.method = method;
        this.input = input;
        this.trees = new TreePlan[0];
        this.spans = new CausalPlan[0];
        this.kept = new Scratch[0];
        this.columns = 0;
    }

    /**
     * Finds what parts of a call have in common, in about a third to a half of the time of the whole call.
     *
     * @param method with a fixed cost
     * @param input  must not change while parts are computed with the plan
     * @throws IllegalStateException    if the method has no parts, as {@link PilotAttention#part} says
     * @throws IllegalArgumentException if the method does not take the input
     */
    public static PilotPlan of(PilotAttention method, Engine engine, AttentionInput input) {
        PilotPlan plan = frame(method).prepare(engine, input, call -> new PilotPlan(method, call, (unit, kept) ->
                // Rows that repeat are computed by themselves.
                RepeatedRows.of(unit) != null ? null
                        : input.mask().isCausal() ? CausalPlan.of(unit, kept) : TreePlan.of(unit, kept)));
        return plan == null ? new PilotPlan(method, input) : plan;
    }

    /**
     * A plan that was found elsewhere. Queries, keys and values are not in the bytes but taken from the input.
     *
     * @param method with the options of the method that the plan was made by
     * @param input  the input that the plan was made of; must not change while parts are computed with it
     * @param bytes  of {@link #toBytes}
     * @throws IllegalStateException    if the method has no parts, as {@link PilotAttention#part} says
     * @throws IllegalArgumentException if the method does not take the input, or the bytes are no plan of such an input
     *                                  by a method with such options, whole and without anything behind it
     */
    public static PilotPlan fromBytes(PilotAttention method, Engine engine, AttentionInput input, byte[] bytes) {
        PilotPlan plan = frame(method).prepare(engine, input, call -> {
            PlanReader reader = new PlanReader(bytes, call.input(), method.options(input));
            // One head after another, as they are written.
            PlanReader.Head[] heads = new PlanReader.Head[call.keyHeads()];
            for (int index = 0; index < heads.length; index++) {
                heads[index] = reader.head(call.keyHead(index));
            }
            reader.end();
            return new PilotPlan(method, call, (unit, kept) -> heads[unit.index()].restore(unit, kept));
        });
        if (plan == null) {
            new PlanReader(bytes, input, method.options(input)).end();
            return new PilotPlan(method, input);
        }
        return plan;
    }

    private static MethodFrame frame(PilotAttention method) {
        method.limits().checkParts();
        return MethodFrame.of(method, call -> null).refusing(method.limits()::check);
    }

    /** The method whose call this is the plan of. */
    PilotAttention method() {
        return method;
    }

    /** The input, which every part is computed of. */
    public AttentionInput input() {
        return input;
    }

    /**
     * Key evaluations per query that were spent on finding this plan and that parts with it are spared; 0 if it was
     * read.
     */
    public double columns() {
        return columns;
    }

    TreePlan tree(int index) {
        return trees[index];
    }

    CausalPlan spans(int index) {
        return spans[index];
    }

    /**
     * This plan in bytes, the same on every machine, to be read by {@link #fromBytes}.
     *
     * @throws IllegalStateException if they are more than an array can have
     */
    public byte[] toBytes() {
        PlanWriter writer = new PlanWriter(input, method.options(input));
        for (int index = 0; index < trees.length; index++) {
            if (trees[index] != null) {
                writer.tree(trees[index]);
            } else {
                writer.spans(spans[index]);
            }
        }
        return writer.bytes();
    }
}
