package dev.kdeformer.exact;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.FixedFunction;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.GradientBase;
import dev.kdeformer.method.GradientCall;
import dev.kdeformer.runtime.Team;

/**
 * Gradients of exact attention from its saved output and log-sum-exp (Dao 2023, FlashAttention-2, the backward pass):
 * time 2·n·m·(3d + 2d_v), memory linear in n and m. Every mask, bias, grouping and shape that exact attention takes.
 *
 * <p>With weights P = softmax(scale · Q Kᵀ + bias + mask), the gradient dO of some loss by the output, and
 * D the row sums of dO ∘ O:
 * <pre>
 *   dV = Pᵀ dO        S = P ∘ (dO Vᵀ − D)        dQ = scale · S K        dK = scale · Sᵀ Q
 * </pre>
 * Query heads that share a key head add up in dK and dV. A query that sees no key gets a gradient of zeros, and so do
 * keys and values that no query sees, padding included.
 */
public final class ExactGradient extends GradientBase {
    private ExactGradient() {
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    protected boolean takesWindow() {
        return true;
    }

    /** Computes a checked call; public for methods that leave short input to exact attention. */
    @Override
    public void run(GradientCall call) {
        int units = call.forward().keyHeads();
        Team team = call.team();
        team.expect((long) units * HeadGradient.steps(call.input()));
        if (units >= 4 * team.threads()) {
            team.forEach(units, (unit, scratch) -> new HeadGradient(call, unit).run(team.alone(scratch)));
        } else {
            for (int unit = 0; unit < units; unit++) {
                new HeadGradient(call, unit).run(team);
            }
        }
    }

    @Override
    protected FixedFunction fixed(Call call) {
        return new PlainAttention(call.input());
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        int units = input.batch() * input.kvHeads();
        int atOnce = units >= 4 * threads ? threads : 1;
        double pairs = (double) input.batch() * input.heads() * input.queries() * ExactAttention.meanVisibleKeys(input);
        return new Estimate(atOnce * HeadGradient.bytes(input), 2 * pairs * (3.0 * input.d() + 2.0 * input.dv()));
    }

    /** Options of the gradient; there are none. */
    public static final class Builder {
        private Builder() {
        }

        /** The gradient. */
        public ExactGradient build() {
            return new ExactGradient();
        }
    }
}
