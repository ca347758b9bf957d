package dev.kdeformer.kdeformer;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.FixedFunction;
import dev.kdeformer.InputFeature;
import dev.kdeformer.exact.tiled.PlainAttention;
import dev.kdeformer.exact.tiled.TiledGradient;
import dev.kdeformer.kdeformer.CausalSplit.Part;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.GradientCall;
import dev.kdeformer.method.GradientFrame;
import dev.kdeformer.method.SinkGradient;
import dev.kdeformer.runtime.Team;
import java.util.List;
import java.util.Set;

/**
 * Gradients of KDEformer and HyperAttention with the blocks, the sampled keys and the sampling weights held fixed.
 *
 * <p>Query i meets a set of keys: those of its own block, and the sampled ones outside it, which count with a fixed
 * weight w_j (1 inside the block). Its output is the softmax over this set with log w_j added to the logits, so the
 * gradient is that of exact attention restricted to the set: with P the weights from the saved log-sum-exp,
 * dV_j = Σ P_ij dO_i, S_ij = P_ij (dO_i·v_j − dO_i·O_i), dQ_i = scale · Σ S_ij k_j and dK_j = scale · Σ S_ij q_i.
 *
 * <p>What is held fixed are steps of the inputs (hash codes, order, draws) and the weights: that keys are drawn by the
 * norms of their values, for instance, has no part in the gradient by the values. A key that no query meets gets zeros,
 * as dropping it does in the forward call.
 */
final class SampledGradient implements GradientFrame.Body {
    private final BlockMethod method;
    private final BlockSampling sampling;

    SampledGradient(BlockMethod method) {
        this.method = method;
        this.sampling = method.sampling;
    }

    @Override
    public Set<InputFeature> takes() {
        return method.takes();
    }

    @Override
    public void checkSupported(AttentionInput input) {
        method.checkWindow(input);
    }

    @Override
    public boolean inPieces() {
        return true;
    }

    @Override
    public void run(GradientCall call) {
        AttentionInput input = call.input();
        if (sampling.isExact(input)) {
            new TiledGradient().run(call);
            return;
        }
        Team team = call.team();
        int units = call.forward().keyHeads();
        for (int b = 0; b < input.batch(); b++) {
            team.expect(input.heads() * sampling.rows(input, input.mask().keyLength(b, input.keys())));
        }
        GradientCall plain = call.leavingSinks();
        team.deal(units, 4, (unit, its) -> head(plain, unit, its));
    }

    private void head(GradientCall call, int unit, Team team) {
        long mark = team.scratch().mark();
        HashedHead hashed = new HashedHead(sampling, call.forward(), unit, team);
        GradientHead head = new GradientHead(call, hashed);
        head.clear(team);
        AttentionInput input = call.input();
        int keys = hashed.keyHead().keys();
        if (input.mask().isCausal()) {
            causal(head, sampling.split(input, keys), input.mask().causalOffset(input.queries(), input.keys()), team);
        } else {
            rectangle(head, new Part(0, input.queries(), 0, keys, 0), team);
        }
        for (int member = 0; member < head.members(); member++) {
            SinkGradient.addCentre(call, head.keyHead(), member, row -> true, team);
        }
        team.scratch().release(mark);
    }

    /** Parts of one level have no queries and no keys in common, and neither have the triangles. */
    private static void causal(GradientHead head, CausalSplit split, long offset, Team team) {
        for (List<Part> level : split.levels()) {
            if (level.size() >= 2 * team.threads()) {
                team.forEach(level.size(), (index, scratch) -> rectangle(head, level.get(index), team.alone(scratch)));
            } else {
                level.forEach(part -> rectangle(head, part, team));
            }
        }
        List<Part> triangles = split.triangles();
        team.forEach(triangles.size(),
                (index, scratch) -> new TriangleGradient(head, triangles.get(index), offset).add(scratch));
    }

    private static void rectangle(GradientHead head, Part part, Team team) {
        long mark = team.scratch().mark();
        BlockChoice choice = new BlockChoice(head.head(), part.queryFrom(), part.queryTo(), part.keyFrom(),
                part.keyTo(), part.index(), team);
        new RectangleGradient(head, choice, team).add(team);
        team.scratch().release(mark);
    }

    @Override
    public FixedFunction fixed(Call call) {
        return sampling.isExact(call.input()) ? new PlainAttention(call.input())
                : new PlainAttention(call.input(), new ChoiceRecord(sampling, call.leavingSinks()));
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        if (sampling.isExact(input)) {
            return new TiledGradient().estimate(input, threads);
        }
        Estimate forward = sampling.estimate(input, threads);
        int d = input.d();
        int dv = input.dv();
        int units = input.batch() * input.kvHeads();
        int heads = units >= 4 * threads || threads == 1 ? Math.min(units, threads) : 1;
        long sums = RectangleGradient.bytes(input.keys(), sampling.samples(), d, dv)
                - PackedKeys.bytes(sampling.samples(), d, dv);
        return new Estimate(forward.scratchBytes() + heads * sums + threads * QueryPieces.bytes(d, dv),
                forward.operations() * (3.0 * d + 2.0 * dv) / (d + dv));
    }
}
