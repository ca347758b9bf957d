package dev.kdeformer.pilot;

import dev.kdeformer.AttentionGradient;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Calibration;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.InputFeature;
import dev.kdeformer.exact.tiled.TiledAttention;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.GradientFrame;
import dev.kdeformer.method.MethodFrame;
import dev.kdeformer.method.Pieces;
import dev.kdeformer.pilot.causal.CausalCost;
import dev.kdeformer.pilot.causal.CausalUnit;
import dev.kdeformer.pilot.gradient.PilotGradient;
import dev.kdeformer.pilot.repeats.RepeatedRows;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.Outcome;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.pilot.walk.PeakedQueries;
import dev.kdeformer.pilot.walk.PilotWalk;
import dev.kdeformer.pilot.walk.TreeUnit;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Pilot attention: exact logits of each tile's centroid to all keys that may matter, exact attention to the near ones,
 * and an expansion about the centroid for the groups of all others, on a tree of tiles whose cost is nearly linear in
 * the length. Sampling fights variance; a pilot row measures the density of a group of similar queries, and only the
 * deviation from it is approximated.
 *
 * <p>It runs at a fixed cost ({@link Builder#near}, {@link Builder#candidates} or {@link Builder#columns}) or within an
 * {@link ErrorBudget}: then sketches find the effort, a pass is checked on a few exact rows, its most suspicious
 * queries are computed exactly where that is enough, and another pass follows where it is not; a head is computed
 * exactly where that is cheaper or nothing cheaper passes. {@link Builder#unbiased} corrects the expansion by
 * importance sampling, with the expansion as control variate.
 *
 * <p>At a fixed cost the few queries that lie far from the middle of their tile are computed exactly, for two thirds of
 * {@link Builder#columns} at most, or in addition for as much as the near keys cost.
 *
 * <p>Rows that repeat are computed once: where distinct queries and distinct keys are few, without a causal mask, the
 * output is exact, whatever the cost or the budget.
 *
 * <p>Under a causal mask the queries are cut into spans of consecutive ones instead: the keys before a span meet
 * one pilot row for each of its tiles, all rows of some spans as one product, and the keys at the diagonal are exact.
 * That costs n²/{@link Builder#span} more key evaluations, but all of them in large products; {@link
 * Builder#candidates} and {@link Builder#rank} have no effect. Where tiles of consecutive queries are too unlike, a
 * longer span with a small {@link Builder#tile} sorts them, at a higher cost.
 *
 * <p>The values of the far groups move with the query by one matrix, the covariance of folded keys and their values,
 * along all directions. Each node learns its part from a few drawn keys: on heads of language models the noise of some
 * hundred draws is far below what the fifth direction of the queries and those after it contribute, so that this takes
 * a quarter to a half off the error that four directions learnt from all keys leave, for less work. What they make of a
 * query that lies far away is cut off at the range of the values, which outputs never leave by more than rounding.
 *
 * <p>Takes causal masks (not with {@link Builder#unbiased} or {@link Builder#peaked}), key padding, a bias per key,
 * grouped heads, and packed sequences and padded queries, each as a call of its own with the budget for itself. What a
 * window shows is computed exactly: within a budget any, at a fixed cost no more keys than that. At most 256 features.
 * Sinks take the share of a row that its log-sum-exp, an estimate from the same expansion, leaves them; a budget is for
 * the rows after that. Memory is linear in n and m.
 */
public final class PilotAttention implements DifferentiableMethod {
    /** Options of calls without a causal mask, and with one. */
    private final PilotOptions plain;
    private final PilotOptions causal;
    private final MethodFrame frame = MethodFrame.of(this, this::run).inPieces()
            .refusing(input -> limits().checkWhole(this, input));

    private PilotAttention(Builder options) {
        plain = options.resolved(false);
        causal = options.resolved(true);
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    public String name() {
        return "pilot";
    }

    /** {@inheritDoc} Those of calls without a causal mask. */
    @Override
    public Map<String, Object> parameters() {
        return plain.reported(false);
    }

    @Override
    public Map<String, Object> parameters(AttentionInput input) {
        return options(input).reported(input.mask().isCausal());
    }

    @Override
    public Set<InputFeature> takes() {
        return Set.of(InputFeature.WINDOW, InputFeature.CAUSAL, InputFeature.KEY_LENGTHS, InputFeature.QUERY_LENGTHS,
                InputFeature.SEQUENCES, InputFeature.KEY_BIAS, InputFeature.SINKS);
    }

    /**
     * A part of a call at a fixed cost, to be computed by itself, on another machine for instance. Every part is given
     * the whole input; all parts of a call together write the bits that the whole call writes.
     *
     * @param part  which one, from 0
     * @param parts number of parts
     * @throws IllegalArgumentException if {@code parts} is not between 1 and 4,096 or there is no such part
     * @throws IllegalStateException    if the method has an error budget or computes peaked queries again, both of
     *                                  which look at results of all rows
     */
    public PilotPart part(int part, int parts) {
        limits().checkParts();
        return new PilotPart(this, part, parts);
    }

    /** The options of a call with this input. */
    PilotOptions options(AttentionInput input) {
        return input.mask().isCausal() ? causal : plain;
    }

    /** What it refuses. */
    PilotLimits limits() {
        return new PilotLimits(plain, causal);
    }

    @Override
    public Statistics apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp) {
        return frame.apply(engine, input, output, logSumExp);
    }

    private Statistics run(Call call) {
        AttentionInput input = call.input();
        if (input.mask().hasWindow()) {
            return new Statistics(TiledAttention.run(call).columns(), "exact, because of the window",
                    plain.budget() == null ? Double.NaN : 0);
        }
        Outcome whole = run(call, options(input));
        int heads = input.batch() * input.heads();
        List<String> notes = new ArrayList<>();
        if (whole.exactHeads() > 0) {
            notes.add(whole.exactHeads() + " of " + heads
                    + " heads computed exactly, which the error budget made cheaper");
        }
        if (whole.repeatedHeads() > 0) {
            notes.add(whole.repeatedHeads() + " of " + heads
                    + " heads computed exactly by their few distinct queries and keys");
        }
        if (whole.missedHeads() > 0) {
            notes.add("the calibration did not hold for " + whole.missedHeads() + " of " + heads
                    + " heads, which were searched for anew");
        }
        return new Statistics(evaluations(whole, input), String.join("; ", notes),
                plain.budget() != null && Double.isNaN(whole.error()) ? 0 : whole.error());
    }

    private static Outcome run(Call call, PilotOptions options) {
        AttentionInput input = call.input();
        int again = options.draws().peaked() == 0 ? 0 : PeakedQueries.most(input.queries());
        call.team().expect((long) call.keyHeads() * input.groupSize() * (input.queries() + again));
        return run(call, options, PilotAttention::attend);
    }

    /** Key evaluations per query that the work on all query heads is. */
    static double evaluations(Outcome whole, AttentionInput input) {
        double queries = (double) input.batch() * input.heads() * input.queries();
        return whole.work() / queries / (2.0 * (input.d() + input.dv()));
    }

    /** Does something with every key head, and adds up what comes of it. */
    static Outcome run(Call call, PilotOptions options, Consumer<Unit> attend) {
        Outcome[] outcomes = new Outcome[call.keyHeads()];
        call.team().deal(outcomes.length, 1, (index, team) -> {
            Unit unit = Unit.of(call, index, options, team);
            attend.accept(unit);
            outcomes[index] = unit.outcome();
        });
        Outcome whole = new Outcome();
        for (Outcome outcome : outcomes) {
            whole.add(outcome);
        }
        return whole;
    }

    /**
     * Finds the lowest effort that keeps the budget of each query head of an input, for calls with inputs like it.
     * That takes longer than one call, because several efforts are tried; the result of several inputs is {@link
     * Calibration#or} of each.
     *
     * @return efforts for the input's heads; a head of several batch items gets the highest that any of them needs
     * @throws IllegalStateException    if this method has no budget for the relative spectral error
     * @throws IllegalArgumentException if the method does not take the input
     */
    public Calibration calibrate(Engine engine, AttentionInput input) {
        if (plain.budget() == null || plain.budget().measure() != ErrorBudget.Measure.SPECTRAL) {
            throw new IllegalStateException("only pilot attention with a budget for the relative spectral error can be"
                    + " calibrated");
        }
        Objects.requireNonNull(input, "input");
        List<Calibration.Effort> efforts = new ArrayList<>();
        MethodFrame searching = MethodFrame.of(this, call -> {
            Outcome whole = run(call, options(input).thorough());
            efforts.addAll(whole.efforts().values());
            return new Statistics(Double.NaN, "", whole.error());
        }).refusing(limits()::check);
        try (Arena arena = Arena.ofShared()) {
            searching.apply(engine, input, Tensor.allocate(arena, input.outputShape()), null);
        }
        return new Calibration(plain.budget().relativeSpectral(), input.mask().isCausal(), efforts);
    }

    private static void attend(Unit unit) {
        AttentionInput input = unit.call().input();
        RepeatedRows repeated = RepeatedRows.of(unit);
        if (repeated != null) {
            repeated.attend();
            return;
        }
        PilotOptions.Promise promise = unit.options().promise();
        boolean known = promise.thorough() || promise.calibration() != null;
        int shortest = Climb.shortest(known, input.mask().isCausal());
        if (promise.budget() != null && Math.min(unit.head().keys(), input.queries()) < shortest) {
            unit.keepNone();
        } else if (input.mask().isCausal()) {
            CausalUnit.attend(unit);
        } else {
            TreeUnit.attend(unit);
        }
    }

    /**
     * The gradients of this method at a fixed cost, with the following held fixed: the reflection of queries and keys;
     * the tree of the queries, those computed exactly and the groups of the keys; which keys each tile evaluates, folds
     * and drops as negligible; the centroids x of the tree's nodes; and the second moments c_g and the value tilts M of
     * the expansion. Rows that repeat are walked over like others. What is left is a smooth function of queries, keys
     * and values. A node that folds keys gives them the weights exp(x·k_j + bias_j), and so each group its log-mass
     * a_g, its mean key κ_g and its mean value ν_g; on the way down to a centroid x + Δ, a_g becomes a_g + Δ·κ_g and
     * ν_g becomes ν_g + M Δ, and what is folded there is added; at a leaf a query that is δ away from the centroid
     * meets group g with the logit a_g + δ·κ_g + ½ Σ δ²c_g and the value ν_g + M δ, beside the near keys. The gradient
     * of this function is computed, through near keys, log-masses and means. Where the far part is cut off at the range
     * of the values, the gradient is that of the function before the cut. Under a causal mask a tile of a span is a
     * node without ancestors, and the keys at the diagonal are met as by exact attention.
     *
     * <p>The choices are made again, so that memory stays linear in n and m.
     *
     * @throws IllegalStateException if the method has an error budget, which tries several costs, or draws a sample of
     *                               folded keys to be unbiased or for peaked queries
     */
    @Override
    public AttentionGradient gradient() {
        if (plain.budget() != null || plain.draws().unbiased() > 0 || plain.draws().peaked() > 0) {
            throw new IllegalStateException("pilot attention has gradients at a fixed cost only, without "
                    + (plain.budget() != null ? "an error budget" : "a sample of folded keys"));
        }
        return new GradientFrame(new PilotGradient(this, plain, causal,
                input -> limits().checkWhole(this, input)));
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        return Pieces.estimate(input, one -> one.mask().hasWindow() ? TiledAttention.estimate(one, threads)
                : one.mask().isCausal() ? new CausalCost(causal).estimate(one, threads)
                : TreeUnit.estimate(plain, one, threads));
    }

    /** Options of pilot attention. */
    public static final class Builder {
        private int near;
        private int candidates = 4;
        private int columns;
        private int groups;
        private int rank = 4;
        private int tilt = -1;
        private int tile;
        private int span = 256;
        private int unbiased;
        private int peaked;
        private long seed;
        private ErrorBudget budget;
        private Calibration calibration;

        private Builder() {
        }

        /**
         * Keys that every tile evaluates exactly; default 384, under a causal mask 192.
         *
         * @throws IllegalArgumentException if not positive
         */
        public Builder near(int keys) {
            near = check("near", keys, 1, Integer.MAX_VALUE);
            return this;
        }

        /**
         * Candidates passed down the tree per query at most (κ); default 4. Fewer are cheaper: halving them takes about
         * a twentieth off the time and adds up to a quarter to the error. Where queries hardly come closer to each
         * other down the tree, fewer are passed down anyway.
         *
         * @throws IllegalArgumentException if not between 1 and 1,024
         */
        public Builder candidates(int perQuery) {
            candidates = check("candidates", perQuery, 1, 1024);
            return this;
        }

        /**
         * Key evaluations per query to spend: candidates in proportion (2 to 16 per query), as far as they leave more
         * than half to the near keys, and the rest to them. 0, the default, takes {@link #near} and {@link
         * #candidates}.
         *
         * @throws IllegalArgumentException if negative
         */
        public Builder columns(int evaluations) {
            columns = check("columns", evaluations, 0, Integer.MAX_VALUE);
            return this;
        }

        /**
         * Groups of keys that stand in for the folded ones; default 32, under a causal mask 64.
         *
         * @throws IllegalArgumentException if not between 1 and 1,024
         */
        public Builder groups(int count) {
            groups = check("groups", count, 1, 1024);
            return this;
        }

        /**
         * Directions in which the spread of a node's queries is measured, the others taken together; default 4. Heads
         * whose values have nothing to do with their keys are given none.
         *
         * @throws IllegalArgumentException if not between 0 and 4
         */
        public Builder rank(int directions) {
            rank = check("rank", directions, 0, PilotWalk.MOST_RANK);
            return this;
        }

        /**
         * Most folded keys that a node draws to learn how values move with the query; default 512, under a causal mask
         * 256; 0 leaves values where they are. A node draws two for each of its queries at most.
         *
         * @throws IllegalArgumentException if not between 0 and 65,536
         */
        public Builder tilt(int keys) {
            tilt = check("tilt", keys, 0, 65_536);
            return this;
        }

        /**
         * Queries of a tile, aimed at; default 256, under a causal mask all of a span, which are not sorted then. An
         * error budget chooses its own, and where queries lie in three dimensions or fewer, tiles are a quarter as
         * large. All queries of a tile share their near keys: smaller tiles are more accurate at the same number of
         * them, larger ones are cheaper.
         *
         * @throws IllegalArgumentException if not between 1 and 4,096
         */
        public Builder tile(int queries) {
            tile = check("tile", queries, 1, 4096);
            return this;
        }

        /**
         * Consecutive queries that share the keys before them, under a causal mask; default 256. They meet the other
         * keys that they see, at the diagonal, exactly.
         *
         * @throws IllegalArgumentException if not between 16 and 4,096
         */
        public Builder span(int queries) {
            span = check("span", queries, 16, 4096);
            return this;
        }

        /**
         * Keys that every tile draws to take the bias out of its far part; 0, the default, leaves it as it is. Each
         * drawn key adds its true weight and takes away what the far field has for it, both over S times the
         * probability it was drawn with, so that over seeds the sum of weights of every query and its weighted sum of
         * values have exact attention's as their mean, up to float rounding. Their quotient, the output, is unbiased
         * to first order only, and so is the log-sum-exp, the logarithm of an unbiased sum.
         *
         * <p>What was a small error that is the same for similar queries becomes noise, of the size of what is far
         * from the expansion over √S: the error of a single run is smaller only where S is large. A query whose
         * corrected sum of weights falls below a quarter of the uncorrected one keeps the uncorrected result; that is
         * rare unless S is small, and a bias where it happens. {@link #tilt} has no effect then.
         *
         * @throws IllegalArgumentException if not between 0 and 65,536
         */
        public Builder unbiased(int samples) {
            unbiased = check("unbiased", samples, 0, 65_536);
            return this;
        }

        /**
         * Keys that the tiles of a second pass draw each, a pass over the queries that put a good part of their weight
         * on one key of their own and the rest where no tile of theirs is near; 0, the default, for none. A query's own
         * key is one at a distance in position that is the same for all queries, which is looked for where there are as
         * many queries as keys: the pixel itself in non-local means of a noisy picture, whose isolated patches are what
         * this is for. At most a third of the queries are computed again, with their own keys as near keys, and the
         * samples correct the rest as those of {@link #unbiased} do. What was an error of one sign becomes noise, so
         * that a sample too small for how unequal the weights are does harm; a thirtieth of the pixels of a picture
         * took five sixths off the loss. For other inputs more {@link #near} keys are worth more than this.
         *
         * <p>Takes no causal mask; an error budget has no use for it.
         *
         * @throws IllegalArgumentException if not between 0 and 65,536
         */
        public Builder peaked(int samples) {
            peaked = check("peaked", samples, 0, 65_536);
            return this;
        }

        /**
         * Seed of the keys that {@link #unbiased} draws and of the rows that an error budget is checked on; default 0.
         */
        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /** Spends what the budget asks for instead of a fixed cost; null for a fixed cost. */
        public Builder budget(ErrorBudget error) {
            budget = error;
            return this;
        }

        /**
         * Begins with the efforts that {@link PilotAttention#calibrate} has found, and only checks them; null, the
         * default, searches. A head whose check fails is searched for anew, and the statistics' note says so. A method
         * with a calibration takes inputs with its number of heads and its kind of mask alone.
         */
        public Builder calibration(Calibration efforts) {
            calibration = efforts;
            return this;
        }

        /**
         * The method.
         *
         * @throws IllegalArgumentException if there is an error budget and a second pass over peaked queries, or a
         *                                  calibration that is not for the error budget
         */
        public PilotAttention build() {
            if (calibration != null && !ErrorBudget.relativeSpectral(calibration.budget()).equals(budget)) {
                throw new IllegalArgumentException("calibration is for a "
                        + ErrorBudget.relativeSpectral(calibration.budget()) + ", got "
                        + (budget == null ? "no budget" : budget));
            }
            if (budget != null && peaked > 0) {
                throw new IllegalArgumentException("peaked must be 0 within an error budget, got " + peaked);
            }
            return new PilotAttention(this);
        }

        private PilotOptions resolved(boolean causal) {
            return new PilotOptions(
                    new PilotOptions.Spending(near > 0 ? near : causal ? 192 : 384, candidates, columns),
                    new PilotOptions.Expansion(groups > 0 ? groups : causal ? 64 : 32, rank,
                            tilt >= 0 ? tilt : causal ? 256 : 512),
                    new PilotOptions.Cuts(tile > 0 ? tile : causal ? span : 256, span),
                    new PilotOptions.Draws(unbiased, peaked, seed),
                    new PilotOptions.Promise(budget, calibration, false));
        }

        private static int check(String name, int value, int least, int most) {
            if (value < least || value > most) {
                throw new IllegalArgumentException(name + " must be between " + least + " and " + most + ", got "
                        + value);
            }
            return value;
        }
    }
}
