package dev.kdeformer.rivals;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Map;

/**
 * Thinformer (Carrell, Gong, Shetty, Dwivedi and Mackey, "Low-rank thinning", ICML 2025, section 4): softmax attention
 * to a thinned set of 2^g·√n keys, which all queries of a key head share and which count alike. The set comes from
 * KH-Compress(g): keys lie in buckets of 4^(g+1); in every round each bucket is halved by {@link KernelHalving}, and
 * four halved buckets become one bucket of the next round; the last one is halved once more.
 *
 * <p>n is the largest power of four up to the number of visible keys. As in the authors' code the keys are first
 * reduced to n, here by taking them evenly spaced; where 2^g·√n is not below n there is nothing to thin and all keys
 * are used, which is exact attention. Unlike there, keys with a large common part are centred, and a key's bias enters
 * the kernel, so that what is kept in balance are the weighted sums.
 *
 * <p>Takes key lengths, biases and grouped heads; refuses a causal mask. The log-sum-exp is that of the thinned keys
 * plus the logarithm of what each stands for.
 */
public final class Thinformer extends HeadwiseMethod {
    private final int oversampling;
    private final int columns;
    private final double delta;

    private Thinformer(Builder builder) {
        super("thinformer", builder.seed);
        oversampling = builder.oversampling;
        columns = builder.columns;
        delta = builder.delta;
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    void describe(Map<String, Object> parameters) {
        if (columns > 0) {
            parameters.put("columns", columns);
        } else {
            parameters.put("oversampling", oversampling);
        }
        parameters.put("delta", delta);
    }

    @Override
    double attend(Call call, KeyHead head, int[] visible, Team team) {
        float[] centre = head.centre();
        Plan plan = new Plan(visible.length);
        int[] chosen = visible;
        if (plan.size < visible.length) {
            int[] spaced = new int[plan.n];
            for (int i = 0; i < spaced.length; i++) {
                spaced[i] = visible[(int) ((long) i * visible.length / spaced.length)];
            }
            KernelHalving halving = new KernelHalving(head, spaced, call.input().scale(), centre);
            chosen = plan.g < plan.log ? thin(spaced, plan, halving, random(head), team) : spaced;
        }
        PackedKeys keys = Selection.pack(head, chosen, call.input().scale(), centre, team.scratch());
        AttentionInput input = call.input();
        return attendTo(keys, call, head, centre, Math.log((double) visible.length / chosen.length), team)
                + plan.pairs() * 2 * (input.d() + input.dv());
    }

    /** The rounds of halving. */
    private int[] thin(int[] keys, Plan plan, KernelHalving halving, CounterRandom random, Team team) {
        int rounds = plan.rounds();
        double last = 1.0 / (1 + 2 * rounds);
        int[] now = keys;
        for (int round = 0; round < rounds; round++) {
            int bucket = plan.bucket(round);
            int[] from = now;
            int[] to = new int[from.length / 2];
            int roundIndex = round;
            double share = delta * (1 - last) / rounds * bucket * bucket / plan.bucket(0) / plan.n;
            team.forEach(from.length / bucket, (index, scratch) -> {
                int[] members = java.util.Arrays.copyOfRange(from, index * bucket, (index + 1) * bucket);
                int[] kept = halving.halve(members, share, true, random.stream(roundIndex, index),
                        team.alone(scratch));
                System.arraycopy(kept, 0, to, index * kept.length, kept.length);
            });
            now = to;
        }
        long mark = team.scratch().mark();
        int[] kept = halving.halve(now, delta * last, false, random.stream(rounds, 0),
                team.alone(team.scratch()));
        team.scratch().release(mark);
        return kept;
    }

    @Override
    Estimate need(AttentionInput input, int threads) {
        Plan plan = new Plan(input.keys());
        long bytes = PackedKeys.bytes(plan.size, input.d(), input.dv()) + 4L * plan.size;
        if (plan.g < plan.log && plan.size < input.keys()) {
            bytes += PanelMatrix.bytes(2 * plan.size, input.d()) + PanelMatrix.bytes(2 * plan.size, input.dv());
        }
        return estimate(input, threads, bytes,
                plan.size + plan.pairs() / input.queries() / input.groupSize());
    }

    /** Sizes for a number of visible keys. */
    private final class Plan {
        /** log₄ of n. */
        final int log;
        final int n;
        final int g;
        /** Keys that are left. */
        final int size;

        Plan(int visible) {
            log = (31 - Integer.numberOfLeadingZeros(visible)) / 2;
            n = 1 << 2 * log;
            if (columns > 0) {
                g = Math.max(0, 31 - Integer.numberOfLeadingZeros(columns) - log);
                size = columns >= visible ? visible : g < log ? 1 << log + g : n;
            } else {
                g = oversampling;
                size = g < log ? 1 << log + g : visible;
            }
        }

        int rounds() {
            return log - 1 - g;
        }

        int bucket(int round) {
            return 1 << round + 2 * (g + 1);
        }

        /** Kernel evaluations of all halvings; pairs of keys count once. */
        double pairs() {
            if (g >= log) {
                return 0;
            }
            double pairs = 2.0 * size * size;
            for (int round = 0; round < rounds(); round++) {
                pairs += (double) (n >> round) * bucket(round) / 2;
            }
            return pairs;
        }
    }

    /** Options. */
    public static final class Builder {
        private int oversampling = 2;
        private int columns;
        private double delta = 0.5;
        private long seed;

        private Builder() {
        }

        /**
         * Sets the exponent g: 2^g·√n keys are kept (default 2, the paper's choice for its image models).
         *
         * @throws IllegalArgumentException if not between 0 and 14
         */
        public Builder oversampling(int value) {
            oversampling = Selection.between("oversampling", value, 0, 14);
            columns = 0;
            return this;
        }

        /**
         * Takes the largest g with 2^g·√n at most this, and at least 0; all keys where there are no more. The
         * halvings come on top. Replaces {@link #oversampling}.
         */
        public Builder columns(int value) {
            columns = Selection.atLeast("columns", value, 1);
            return this;
        }

        /**
         * Sets the probability of failure that the halvings share (default 0.5).
         *
         * @throws IllegalArgumentException if not above 0 and at most 1
         */
        public Builder delta(double value) {
            if (!(value > 0 && value <= 1)) {
                throw new IllegalArgumentException("delta must be above 0 and at most 1, got " + value);
            }
            delta = value;
            return this;
        }

        /** Sets the seed of the halvings (default 0). */
        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /** Makes the method. */
        public Thinformer build() {
            return new Thinformer(this);
        }
    }
}
