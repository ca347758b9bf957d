package dev.kdeformer.exact.tiled;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.FixedFunction;
import dev.kdeformer.InputFeature;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.GradientCall;
import dev.kdeformer.method.GradientFrame;
import dev.kdeformer.method.MethodFrame;
import dev.kdeformer.runtime.Team;
import java.util.Set;

/**
 * What the gradient of exact attention does once a call is checked, for itself and for methods that fall back to it.
 */
public final class TiledGradient implements GradientFrame.Body {
    @Override
    public Set<InputFeature> takes() {
        return InputFeature.ALL;
    }

    @Override
    public void run(GradientCall call) {
        int units = call.forward().keyHeads();
        Team team = call.team();
        team.expect((long) units * HeadGradient.steps(call.input()));
        if (!PairGradients.isWanted(call.biases())) {
            team.deal(units, 4, (unit, its) -> new HeadGradient(call, unit, null, true).run(its));
            return;
        }
        PairGradients pairs = new PairGradients(call);
        call.biases().tensors().forEach(MethodFrame::zero);
        for (int unit = 0; unit < units; unit++) {
            new HeadGradient(call, unit, pairs, true).run(team);
        }
        pairs.writeTo(call.biases().parameters());
    }

    /**
     * Writes the gradients of one key head and the queries that read it, as far as they go through the keys that the
     * mask of the forward call shows. The saved outputs and log-sum-exps may be those of more keys.
     *
     * @param unit index of the key head among those of all batch items
     */
    public static void part(GradientCall call, int unit, Team team) {
        new HeadGradient(call, unit, null, false).run(team);
    }

    /** Units of progress of a key head. */
    public static long headSteps(AttentionInput input) {
        return HeadGradient.steps(input);
    }

    /** Bytes off the heap that a key head needs. */
    public static long headBytes(AttentionInput input) {
        return HeadGradient.bytes(input);
    }

    @Override
    public FixedFunction fixed(Call call) {
        return new PlainAttention(call.input());
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        int units = input.batch() * input.kvHeads();
        int atOnce = units >= 4 * threads ? threads : 1;
        double pairs = (double) input.batch() * input.heads() * input.queries() * TiledAttention.meanVisibleKeys(input);
        return new Estimate(atOnce * HeadGradient.bytes(input), 2 * pairs * (3.0 * input.d() + 2.0 * input.dv()));
    }
}
