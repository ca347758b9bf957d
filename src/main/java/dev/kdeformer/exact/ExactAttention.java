package dev.kdeformer.exact;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputFeature;
import dev.kdeformer.exact.tiled.TiledAttention;
import dev.kdeformer.method.MethodFrame;
import dev.kdeformer.tensor.Tensor;
import java.util.Map;
import java.util.Set;

/**
 * Exact softmax attention, tiled with an online softmax (Dao 2022, FlashAttention): time n·m·(d + d_v), memory linear
 * in n and m. Under a sliding window of w keys nothing outside of it is touched, and the time is n·w·(d + d_v). Keys
 * are centred while they are packed, which keeps digits where all keys share a large part.
 */
public final class ExactAttention implements DifferentiableMethod {
    private final MethodFrame frame = MethodFrame.of(this, TiledAttention::run).withSinks();

    private ExactAttention() {
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    public String name() {
        return "exact";
    }

    @Override
    public Map<String, Object> parameters() {
        return Map.of();
    }

    @Override
    public Set<InputFeature> takes() {
        return InputFeature.ALL;
    }

    @Override
    public ExactGradient gradient() {
        return ExactGradient.builder().build();
    }

    @Override
    public Statistics apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp) {
        return frame.apply(engine, input, output, logSumExp);
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        if (input.isEmpty()) {
            return Estimate.NOTHING;
        }
        return TiledAttention.estimate(input, threads);
    }

    /** Options of exact attention; there are none. */
    public static final class Builder {
        private Builder() {
        }

        /** The method. */
        public ExactAttention build() {
            return new ExactAttention();
        }
    }
}
