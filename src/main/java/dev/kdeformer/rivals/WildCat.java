package dev.kdeformer.rivals;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.Map;

/**
 * WildCat (Schröder and Mackey, "WildCat: near-linear attention in theory and practice", 2026): softmax attention to a
 * weighted coreset of r keys. Keys are centred; the coreset S is drawn by randomly pivoted Cholesky on the kernel
 * exp(β/τ² ⟨k, k'⟩); the Nyström weights W = K_SS⁻¹ K_S· that rebuild all keys' features from the coreset's compress
 * values and ones alike, and the output exp(β Q K_Sᵀ)(W V) / exp(β Q K_Sᵀ)(W 1) is clamped to the range of the values
 * in every column. Weights may be negative. Where the coreset holds all keys the output is exact attention.
 *
 * <p>The temperature τ flattens the kernel on which keys are chosen and weighted; the authors take
 * τ² = 3.95 · max‖k‖ / max‖q‖, which is the default here, and τ = 1 is the kernel of the attention itself. All r
 * pivots are drawn one after the other from one bin. A key's bias enters as a factor of its features.
 *
 * <p>Takes key lengths, biases and grouped heads (a group shares its coreset); refuses a causal mask. The log-sum-exp
 * is the logarithm of the denominator, an estimate. For a query whose denominator is not positive the method has no
 * answer of its own: the mean of the values stands in, with a log-sum-exp as if its largest kernel value counted once.
 */
public final class WildCat extends HeadwiseMethod {
    /** The constant of the authors' choice of temperature. */
    private static final double RATIO = 3.94582;

    private final int coreset;
    private final double temperature;

    private WildCat(Builder builder) {
        super("wildcat", builder.seed);
        coreset = builder.coreset;
        temperature = builder.temperature;
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    void describe(Map<String, Object> parameters) {
        parameters.put("coreset", coreset);
        parameters.put("temperature", temperature == 0 ? "auto" : temperature);
    }

    @Override
    double attend(Call call, KeyHead head, int[] visible, Team team) {
        AttentionInput input = call.input();
        if (coreset >= visible.length) {
            float[] centre = head.centre();
            return attendTo(Selection.pack(head, visible, input.scale(), centre, team.scratch()), call, head, centre, 0,
                    team);
        }
        PivotedCholesky.Keys keys = new PivotedCholesky.Keys(head, visible, team);
        double strength = Math.abs(input.scale());
        if (temperature > 0) {
            strength /= temperature * temperature;
        } else {
            double query = longestQuery(head);
            strength = query == 0 || keys.longest() == 0 ? strength : strength * query / (RATIO * keys.longest());
        }
        Coreset compressed = new PivotedCholesky(keys, strength, coreset, random(head), team).compress(head, visible);
        answer(compressed, keys, call, head, team);
        double m = visible.length;
        int r = compressed.count();
        return 2.0 * (input.d() + input.dv()) * r * input.queries() * input.groupSize()
                + 2 * m * r * (input.d() + r / 2.0 + input.dv() + 1);
    }

    private static double longestQuery(KeyHead head) {
        double longest = 0;
        float[] row = new float[head.key().columns()];
        for (int member = 0; member < head.groupSize(); member++) {
            Matrix query = head.query(member);
            for (int i = 0; i < query.rows(); i++) {
                query.readRow(i, row, 0);
                double square = 0;
                for (float x : row) {
                    square += (double) x * x;
                }
                longest = Math.max(longest, square);
            }
        }
        return Math.sqrt(longest);
    }

    /** Numerators and denominators of all queries; the denominator is one more column of the values. */
    private static void answer(Coreset coreset, PivotedCholesky.Keys all, Call call, KeyHead head, Team team) {
        AttentionInput input = call.input();
        int dv = input.dv();
        PackedKeys keys = Selection.pack(coreset.keys(), coreset.values(), coreset.bias(), coreset.count(),
                input.scale(), team.scratch());
        ValueRange range = ValueRange.of(head.value(), all.visible());
        forEachTile(call, head, team, (member, from, count, scratch) -> {
            Matrix query = head.query(member);
            QueryTile queries = scratch.keep(QueryTile.class, QueryTile::new);
            SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
            queries.load(query, 0, from, count, keys.scale());
            state.begin(count, dv + 1);
            state.add(queries, keys);
            Matrix sums = head.logSumExp(member);
            double[] shift = sums == null ? null : head.shift(query, 0, from, count, all.centre());
            float[] values = state.values();
            for (int r = 0; r < count; r++) {
                int at = r * state.valueStride();
                double denominator = values[at + dv];
                boolean positive = denominator > 0;
                for (int c = 0; c < dv; c++) {
                    values[at + c] = positive ? range.clamp(c, values[at + c] / denominator) : range.mean(c);
                }
                head.output(member).writeRow(from + r, values, at);
                if (sums != null) {
                    sums.set(from + r, 0, (float) (state.reference(r) * Math.log(2)
                            + (positive ? Math.log(denominator) : 0) + shift[r]));
                }
            }
        });
    }

    @Override
    Estimate need(AttentionInput input, int threads) {
        int m = input.keys();
        int r = Math.min(coreset, m);
        long bytes = PackedKeys.bytes(r, input.d(), input.dv() + 1);
        double columns = r;
        if (r < m) {
            bytes += PivotedCholesky.bytes(m, r, input.d());
            columns += (double) m * r * (input.d() + r / 2.0 + input.dv() + 1)
                    / (input.d() + input.dv()) / input.queries() / input.groupSize();
        }
        return estimate(input, threads, bytes, columns);
    }

    /**
     * A weighted coreset.
     *
     * @param count  number of keys
     * @param keys   count × d, centred
     * @param values count × (d_v + 1): compressed values and ones, divided by the weight of the bias
     * @param bias   natural logarithm of what each row of values is to be multiplied by
     */
    record Coreset(int count, float[] keys, float[] values, float[] bias) {
    }

    /** Options. */
    public static final class Builder {
        private int coreset = 128;
        private double temperature;
        private long seed;

        private Builder() {
        }

        /**
         * Sets the number of keys r in the coreset (default 128).
         *
         * @throws IllegalArgumentException if not between 1 and 8192
         */
        public Builder coreset(int value) {
            coreset = Selection.between("coreset", value, 1, 8192);
            return this;
        }

        /**
         * Does the same as {@link #coreset}, at most 8192: every column is a key of the coreset. Choosing and weighting
         * it comes on top: with as many queries as keys about as much again, and (r / 2) / (d + d_v) times as much.
         */
        public Builder columns(int value) {
            coreset = Math.min(8192, Selection.atLeast("columns", value, 1));
            return this;
        }

        /**
         * Sets the temperature τ of the kernel on which keys are chosen and weighted; 0 (the default) for the authors'
         * choice by the lengths of keys and queries.
         *
         * @throws IllegalArgumentException if negative or not finite
         */
        public Builder temperature(double value) {
            if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("temperature must be at least 0 and finite, got " + value);
            }
            temperature = value;
            return this;
        }

        /** Sets the seed of the pivots (default 0). */
        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /** Makes the method. */
        public WildCat build() {
            return new WildCat(this);
        }
    }
}
