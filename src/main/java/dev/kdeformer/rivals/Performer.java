package dev.kdeformer.rivals;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Team;
import java.util.Map;

/**
 * Performer (Choromanski et al., "Rethinking attention with performers", ICLR 2021): softmax attention with the
 * exponential kernel replaced by positive orthogonal random features (FAVOR+), which makes it linear in the number of
 * queries and keys. The features are stabilised by subtracting maxima, per query and per feature, and not by adding a
 * small constant, so that they stay unbiased; logits of any size give an output between the values' extremes.
 *
 * <p>Keys with a large common part are centred, which changes no attention weight and lowers the variance. Takes key
 * lengths, biases and grouped heads; refuses a causal mask. The log-sum-exp is the logarithm of the features' estimate
 * of the sum of exponentials; its exponential is unbiased.
 */
public final class Performer extends HeadwiseMethod {
    private final int features;
    private final boolean orthogonal;

    private Performer(Builder builder) {
        super("performer", builder.seed);
        features = builder.features;
        orthogonal = builder.orthogonal;
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    void describe(Map<String, Object> parameters) {
        parameters.put("features", features);
        parameters.put("orthogonal", orthogonal);
    }

    @Override
    double attend(Call call, KeyHead head, int[] visible, Team team) {
        AttentionInput input = call.input();
        float scale = input.scale();
        float[] centre = head.centre();
        RandomFeatures random = new RandomFeatures(features, input.d(), orthogonal, random(head));
        PackedKeys keys = random.pack(head, visible, scale, centre, team.scratch());
        PackedKeys packed = random.pack(random.sums(keys, team), scale, team.scratch());
        forEachTile(call, head, team, (member, from, count, scratch) -> {
            QueryTile queries = scratch.keep(QueryTile.class, QueryTile::new);
            SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
            queries.load(head.query(member), 0, from, count, packed.scale());
            state.begin(count, input.dv());
            state.add(queries, packed);
            double[] shift = null;
            if (head.logSumExp(member) != null) {
                shift = head.shift(head.query(member), 0, from, count, centre);
                double[] offsets = random.offsets(head.query(member), null, from, count, scale);
                for (int r = 0; r < count; r++) {
                    shift[r] -= offsets[r];
                }
            }
            state.finish(head.output(member), head.logSumExp(member), 0, from, shift);
        });
        return 2.0 * (input.d() + input.dv()) * features
                * ((double) input.queries() * input.groupSize() + visible.length);
    }

    @Override
    Estimate need(AttentionInput input, int threads) {
        return estimate(input, threads, PackedKeys.bytes(input.keys(), input.d(), input.dv()) + 4L * input.keys()
                + PackedKeys.bytes(features, input.d(), input.dv()),
                features * (1 + (double) input.keys() / input.queries() / input.groupSize()));
    }

    /** Options. */
    public static final class Builder {
        private int features = 256;
        private boolean orthogonal = true;
        private long seed;

        private Builder() {
        }

        /**
         * Sets the number of random features (default 256, as in the paper's experiments).
         *
         * @throws IllegalArgumentException if not between 1 and 65536
         */
        public Builder features(int value) {
            features = Selection.between("features", value, 1, 1 << 16);
            return this;
        }

        /**
         * Half as many features as columns, between 1 and 65536: with as many queries as keys the pass over the keys
         * costs as much as the pass over the queries.
         */
        public Builder columns(int value) {
            features = Math.max(1, Math.min(1 << 16, Selection.atLeast("columns", value, 1) / 2));
            return this;
        }

        /** Sets whether every d directions are orthogonal (default true) or all are independent. */
        public Builder orthogonal(boolean value) {
            orthogonal = value;
            return this;
        }

        /** Sets the seed of the directions (default 0). */
        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /** Makes the method. */
        public Performer build() {
            return new Performer(this);
        }
    }
}
