package dev.kdeformer.rivals;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputFeature;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.method.MethodFrame;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.Map;
import java.util.Set;

/**
 * The trivial method: every query gets the mean of the values it sees, weighted by the keys' biases, as if all queries
 * were zero. Whatever approximates attention has to be better than this; on data whose output is dominated by its
 * mean row this method looks good under uncentred error measures, which is why it stands in the reports.
 *
 * <p>Takes every mask and bias. The log-sum-exp is that of the biases plus the mean logit, a lower bound of the true
 * one (Jensen's inequality). Work: one pass over keys and values for each head.
 */
public final class MeanOfValues implements AttentionMethod {
    private final MethodFrame frame = MethodFrame.of(this, MeanOfValues::run);

    private MeanOfValues() {
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    public String name() {
        return "mean";
    }

    @Override
    public Map<String, Object> parameters() {
        return Map.of();
    }

    @Override
    public Set<InputFeature> takes() {
        return Set.of(InputFeature.CAUSAL, InputFeature.KEY_LENGTHS, InputFeature.KEY_BIAS);
    }

    @Override
    public Statistics apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp) {
        return frame.apply(engine, input, output, logSumExp);
    }

    private static Statistics run(Call call) {
        call.team().expect(call.keyHeads());
        call.team().forEach(call.keyHeads(), (unit, scratch) -> {
            average(call.input(), call.keyHead(unit));
            call.team().advance(1);
        });
        return new Statistics(passes(call.input()), "");
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        double each = passes(input) * 2 * (input.d() + input.dv());
        return new Estimate(0, each * input.batch() * input.heads() * input.queries());
    }

    /** The pass over m keys, shared by the n queries of all heads of a group. */
    private static double passes(AttentionInput input) {
        return input.keys() / ((double) input.queries() * input.groupSize());
    }

    private static void average(AttentionInput input, KeyHead head) {
        Prefix seen = new Prefix(head, input.scale());
        long offset = input.mask().causalOffset(input.queries(), input.keys());
        for (int i = 0; i < input.queries(); i++) {
            seen.growTo((int) Math.max(0, Math.min(head.keys(), i + offset + 1)));
            for (int member = 0; member < head.groupSize(); member++) {
                Matrix output = head.output(member);
                for (int c = 0; c < input.dv(); c++) {
                    output.set(i, c, seen.meanValue(c));
                }
                if (head.logSumExp(member) != null) {
                    head.logSumExp(member).set(i, 0, seen.logSumExp(head.query(member), i));
                }
            }
        }
    }

    /** Weighted sums over the first keys; the weights are exp(bias − largest bias so far). */
    private static final class Prefix {
        private final KeyHead head;
        private final float scale;
        private final double[] values;
        private final double[] keys;
        private int count;
        private double largest = Double.NEGATIVE_INFINITY;
        private double weight;

        Prefix(KeyHead head, float scale) {
            this.head = head;
            this.scale = scale;
            values = new double[head.value().columns()];
            keys = new double[head.logSumExp(0) == null ? 0 : head.key().columns()];
        }

        void growTo(int newCount) {
            for (; count < newCount; count++) {
                double b = head.bias() == null ? 0 : head.bias().get(0, count);
                if (b == Double.NEGATIVE_INFINITY) {
                    continue;
                }
                if (b > largest) {
                    rescale(Math.exp(largest - b));
                    largest = b;
                }
                double w = Math.exp(b - largest);
                weight += w;
                add(values, head.value(), w);
                add(keys, head.key(), w);
            }
        }

        private void add(double[] sums, Matrix from, double w) {
            for (int c = 0; c < sums.length; c++) {
                sums[c] += w * from.get(count, c);
            }
        }

        private void rescale(double factor) {
            weight *= factor;
            for (int c = 0; c < values.length; c++) {
                values[c] *= factor;
            }
            for (int c = 0; c < keys.length; c++) {
                keys[c] *= factor;
            }
        }

        float meanValue(int c) {
            return weight == 0 ? 0 : (float) (values[c] / weight);
        }

        float logSumExp(Matrix query, int row) {
            if (weight == 0) {
                return Float.NEGATIVE_INFINITY;
            }
            double logit = 0;
            for (int c = 0; c < keys.length; c++) {
                logit += query.get(row, c) * keys[c];
            }
            return (float) (largest + Math.log(weight) + scale * logit / weight);
        }
    }

    /** The builder; this method has no options. */
    public static final class Builder {
        private Builder() {
        }

        /** The method. */
        public MeanOfValues build() {
            return new MeanOfValues();
        }
    }
}
