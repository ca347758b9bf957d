package dev.kdeformer.pilot;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Calibration;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.InputFeature;
import dev.kdeformer.exact.ExactAttention;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.method.Pieces;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * The default: exact attention for short sequences and for what pilot attention does not take, pilot attention within
 * an error budget beyond. {@link Statistics#note} says which it took and why.
 *
 * <p>The crossover is where a head that pilot attention suits takes less than half the time within the default budget,
 * and one that it does not suit a sixth more than exact attention alone, which is what finding out costs there; under a
 * causal mask, where a query sees half of the keys, it lies at twice the length. With a calibration nothing has to be
 * found out, and it lies at half.
 */
public final class AutoAttention implements AttentionMethod {
    private final AttentionMethod exact = ExactAttention.builder().build();
    private final PilotAttention pilot;
    private final ErrorBudget budget;
    private final long seed;
    private final Calibration calibration;

    private AutoAttention(Builder options) {
        budget = options.budget;
        seed = options.seed;
        calibration = options.calibration;
        pilot = PilotAttention.builder().budget(budget).seed(options.seed).calibration(calibration).build();
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    public String name() {
        return "auto";
    }

    @Override
    public Map<String, Object> parameters() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("budget", PilotOptions.reported(budget));
        if (calibration != null) {
            map.put("calibration", "given");
        }
        map.put("seed", seed);
        return map;
    }

    @Override
    public Set<InputFeature> takes() {
        return InputFeature.ALL;
    }

    @Override
    public Statistics apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp) {
        Objects.requireNonNull(input, "input");
        String reason = whyExact(input);
        if (reason != null) {
            Statistics done = exact.apply(engine, input, output, logSumExp);
            return new Statistics(done.columns(), "took exact: " + reason, 0);
        }
        Statistics done = pilot.apply(engine, input, output, logSumExp);
        return new Statistics(done.columns(), "took pilot: " + Pieces.longest(input)
                + " queries and keys or more" + (done.note().isEmpty() ? "" : "; " + done.note()), done.error());
    }

    private String whyExact(AttentionInput input) {
        if (input.mask().hasWindow()) {
            return "the mask has a sliding window";
        }
        for (InputFeature feature : input.features()) {
            if (!pilot.takes().contains(feature)) {
                return "pilot takes no " + feature;
            }
        }
        if (input.d() > Lanes.DEPTH) {
            return "d = " + input.d() + " exceeds " + Lanes.DEPTH;
        }
        int shorter = Pieces.longest(input);
        int crossover = Climb.shortest(calibration != null, input.mask().isCausal());
        return shorter < crossover ? "only " + shorter + " queries or keys, fewer than " + crossover : null;
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        if (input.isEmpty()) {
            return Estimate.NOTHING;
        }
        return whyExact(input) != null ? exact.estimate(input, threads) : pilot.estimate(input, threads);
    }

    /** Options of the default method. */
    public static final class Builder {
        private ErrorBudget budget = ErrorBudget.relativeSpectral(0.05);
        private long seed;
        private Calibration calibration;

        private Builder() {
        }

        /** The error that a head may have; default a relative spectral error of 0.05. */
        public Builder budget(ErrorBudget error) {
            budget = Objects.requireNonNull(error, "budget");
            return this;
        }

        /** Seed of the rows that the budget is checked on; default 0. */
        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /**
         * Begins with known efforts where it takes pilot attention; null, the default, searches.
         *
         * @see PilotAttention.Builder#calibration
         */
        public Builder calibration(Calibration efforts) {
            calibration = efforts;
            return this;
        }

        /**
         * The method.
         *
         * @throws IllegalArgumentException if there is a calibration that is not for the error budget
         */
        public AutoAttention build() {
            return new AutoAttention(this);
        }
    }
}
