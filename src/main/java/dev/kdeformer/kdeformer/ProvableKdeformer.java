package dev.kdeformer.kdeformer;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputFeature;
import dev.kdeformer.kde.Estimator;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.method.MethodFrame;
import dev.kdeformer.method.Pieces;
import dev.kdeformer.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * KDEformer in the form that its theorem speaks of (Zandieh, Han, Daliri and Karbasi, ICML 2023, section 3): row sums
 * and column masses of the attention matrix from kernel density estimates, keys drawn with replacement in proportion
 * to both their column of the softmax matrix P and their value, and an output with
 * ‖Õ − O‖ ≤ ε·‖P‖·‖V‖ in the operator norm, except with a stated probability.
 *
 * <p>The number of draws follows from ε and the stable ranks by the matrix Bernstein inequality with an intrinsic
 * dimension (Tropp, "An introduction to matrix concentration inequalities", 2015, theorem 7.3.1), with all its
 * constants. It is the yardstick of correctness and not of speed: for most sizes, exact attention is faster.
 *
 * <p>Takes padding, packed sequences, biases and grouped heads; refuses a causal mask, and sinks, of which the bound
 * says nothing. The log-sum-exp is the estimate of the row sums.
 */
public final class ProvableKdeformer implements AttentionMethod {
    private final double epsilon;
    private final double failureProbability;
    private final Estimator estimator;
    private final int samples;
    private final long seed;

    private final MethodFrame frame = MethodFrame.of(this, this::run).inPieces();

    private ProvableKdeformer(Builder builder) {
        epsilon = builder.epsilon;
        failureProbability = builder.failureProbability;
        estimator = builder.estimator;
        samples = builder.samples;
        seed = builder.seed;
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    public String name() {
        return "provable";
    }

    @Override
    public Map<String, Object> parameters() {
        Map<String, Object> parameters = new LinkedHashMap<>();
        parameters.put("epsilon", epsilon);
        parameters.put("failure", failureProbability);
        parameters.put("estimator", estimator.name().toLowerCase(Locale.ROOT));
        parameters.put("samples", samples);
        parameters.put("seed", seed);
        return parameters;
    }

    double epsilon() {
        return epsilon;
    }

    double failureProbability() {
        return failureProbability;
    }

    Estimator estimator() {
        return estimator;
    }

    int samples() {
        return samples;
    }

    long seed() {
        return seed;
    }

    @Override
    public Set<InputFeature> takes() {
        return Set.of(InputFeature.KEY_LENGTHS, InputFeature.QUERY_LENGTHS, InputFeature.SEQUENCES,
                InputFeature.KEY_BIAS);
    }

    @Override
    public Statistics apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp) {
        return frame.apply(engine, input, output, logSumExp);
    }

    private Statistics run(Call call) {
        AttentionInput input = call.input();
        int heads = call.keyHeads() * input.groupSize();
        call.team().expect(heads);
        double columns = 0;
        Claim worst = Claim.NONE;
        for (int unit = 0; unit < call.keyHeads(); unit++) {
            KeyHead head = call.keyHead(unit);
            for (int member = 0; member < input.groupSize(); member++) {
                ProvableHead work = new ProvableHead(this, call, head, member);
                Claim claim = work.attend();
                columns += work.columns() / heads;
                worst = claim.bound() > worst.bound() ? claim : worst;
                call.team().advance(1);
            }
        }
        return new Statistics(columns, worst.sentence(heads, failureProbability));
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        return Pieces.estimate(input, this::need);
    }

    private Estimate need(AttentionInput input) {
        int n = input.queries();
        int m = input.keys();
        double pairs = (double) input.batch() * input.heads() * n * m;
        int drawn = samples == 0 ? m : Math.min(samples, m);
        // Row sums, column masses, and two products in each round of the norm's power iteration.
        double sums = (2 + 2 * MatrixNorm.ROUNDS) * 2 * pairs * input.d();
        long densities = PackedKeys.bytes(m, input.d(), 0) + PackedKeys.bytes(n, input.d(), 0);
        return new Estimate(densities + PackedKeys.bytes(drawn, input.d(), input.dv()) + 20L * m,
                sums + 2 * pairs / m * drawn * (input.d() + input.dv()));
    }

    /** Options. */
    public static final class Builder {
        private double epsilon = 0.5;
        private double failureProbability = 0.05;
        private Estimator estimator = Estimator.EXACT;
        private int samples;
        private long seed;

        private Builder() {
        }

        /**
         * Sets the ε of ‖Õ − O‖ ≤ ε·‖P‖·‖V‖ (default 0.5).
         *
         * @throws IllegalArgumentException if not between 0.01 and 1
         */
        public Builder epsilon(double newEpsilon) {
            if (!(newEpsilon >= 0.01 && newEpsilon <= 1)) {
                throw new IllegalArgumentException("epsilon must be between 0.01 and 1, got " + newEpsilon);
            }
            epsilon = newEpsilon;
            return this;
        }

        /**
         * Sets the probability, for each head, that the bound does not hold (default 0.05).
         *
         * @throws IllegalArgumentException if not between 0.001 and 0.5
         */
        public Builder failureProbability(double newFailureProbability) {
            if (!(newFailureProbability >= 0.001 && newFailureProbability <= 0.5)) {
                throw new IllegalArgumentException("failureProbability must be between 0.001 and 0.5, got "
                        + newFailureProbability);
            }
            failureProbability = newFailureProbability;
            return this;
        }

        /** How kernel densities are estimated (default exactly). */
        public Builder estimator(Estimator newEstimator) {
            estimator = Objects.requireNonNull(newEstimator, "estimator");
            return this;
        }

        /**
         * Sets how many keys to draw, with replacement, instead of what ε asks for; 0 (the default) for that. The bound
         * that is claimed is then the one that so many draws give.
         *
         * @throws IllegalArgumentException if negative
         */
        public Builder samples(int newSamples) {
            if (newSamples < 0) {
                throw new IllegalArgumentException("samples must not be negative, got " + newSamples);
            }
            samples = newSamples;
            return this;
        }

        /** What all random choices follow from (default 0). */
        public Builder seed(long newSeed) {
            seed = newSeed;
            return this;
        }

        /** Makes the method. */
        public ProvableKdeformer build() {
            return new ProvableKdeformer(this);
        }
    }
}
