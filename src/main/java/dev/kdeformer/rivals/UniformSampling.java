package dev.kdeformer.rivals;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Team;
import java.util.Map;

/**
 * Softmax attention to keys drawn uniformly without replacement, the same ones for all queries of a key head: the
 * simplest method that looks at the data at all. It is exact where all visible keys are drawn.
 *
 * <p>Takes key lengths, biases and grouped heads; refuses a causal mask. The log-sum-exp is that of the sample plus
 * the logarithm of the inverse share that was drawn; its exponential is unbiased.
 */
public final class UniformSampling extends HeadwiseMethod {
    private final int samples;

    private UniformSampling(Builder builder) {
        super("uniform", builder.seed);
        samples = builder.samples;
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    void describe(Map<String, Object> parameters) {
        parameters.put("samples", samples);
    }

    @Override
    double attend(Call call, KeyHead head, int[] visible, Team team) {
        int[] chosen = visible;
        if (samples < visible.length) {
            chosen = Selection.at(visible, random(head).sample(visible.length, samples));
        }
        float[] centre = head.centre();
        PackedKeys keys = Selection.pack(head, chosen, call.input().scale(), centre, team.scratch());
        return attendTo(keys, call, head, centre, Math.log((double) visible.length / chosen.length), team);
    }

    @Override
    Estimate need(AttentionInput input, int threads) {
        int drawn = Math.min(samples, input.keys());
        return estimate(input, threads, PackedKeys.bytes(drawn, input.d(), input.dv()) + 4L * drawn, drawn);
    }

    /** Options. */
    public static final class Builder {
        private int samples = 256;
        private long seed;

        private Builder() {
        }

        /**
         * Sets how many keys to draw for each key head (default 256).
         *
         * @throws IllegalArgumentException if below 1
         */
        public Builder samples(int value) {
            samples = Selection.atLeast("samples", value, 1);
            return this;
        }

        /** Does the same as {@link #samples}: every column is a sampled key. */
        public Builder columns(int value) {
            samples = Selection.atLeast("columns", value, 1);
            return this;
        }

        /** Sets the seed of the draws (default 0). */
        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /** Makes the method. */
        public UniformSampling build() {
            return new UniformSampling(this);
        }
    }
}
