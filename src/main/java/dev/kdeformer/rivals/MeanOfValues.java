package dev.kdeformer.rivals;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputFeature;
import dev.kdeformer.linalg.SoftmaxSums;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.method.MethodFrame;
import dev.kdeformer.method.Pieces;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.Map;
import java.util.Set;

/**
 * The trivial method: every query gets the mean of the values it sees, weighted by the keys' biases, as if all queries
 * were zero. Whatever approximates attention has to be better than this; on data whose output is dominated by its
 * mean row this method looks good under uncentred error measures, which is why it stands in the reports.
 *
 * <p>Takes causal masks, padding, packed sequences, a bias per key and sinks. The log-sum-exp is that of the biases
 * plus the mean logit, a lower bound of the true one (Jensen's inequality). Work: one pass over keys and values for
 * each head.
 */
public final class MeanOfValues implements AttentionMethod {
    private final MethodFrame frame = MethodFrame.of(this, MeanOfValues::run).inPieces();

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
        return Set.of(InputFeature.CAUSAL, InputFeature.KEY_LENGTHS, InputFeature.QUERY_LENGTHS,
                InputFeature.SEQUENCES, InputFeature.KEY_BIAS, InputFeature.SINKS);
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
        return Pieces.estimate(input, one -> new Estimate(0, passes(one) * 2 * (one.d() + one.dv()) * one.batch()
                * one.heads() * one.queries()));
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

    /** Weighted sums of the first keys and their values; the weights are exp(bias − largest bias so far). */
    private static final class Prefix {
        private final KeyHead head;
        private final float scale;
        private final SoftmaxSums sums;
        private final int dv;
        private final int d;
        private int count;

        Prefix(KeyHead head, float scale) {
            this.head = head;
            this.scale = scale;
            dv = head.value().columns();
            d = head.logSumExp(0) == null ? 0 : head.key().columns();
            sums = new SoftmaxSums(1, dv + d, SoftmaxSums.NATURAL);
        }

        void growTo(int newCount) {
            for (; count < newCount; count++) {
                double w = sums.add(0, head.bias() == null ? 0 : head.bias().get(0, count), 1);
                for (int c = 0; c < dv + d && w > 0; c++) {
                    sums.values()[c] += w * (c < dv ? head.value().get(count, c) : head.key().get(count, c - dv));
                }
            }
        }

        float meanValue(int c) {
            return (float) sums.mean(0, c);
        }

        float logSumExp(Matrix query, int row) {
            double logit = 0;
            for (int c = 0; c < d; c++) {
                logit += query.get(row, c) * sums.mean(0, dv + c);
            }
            return (float) (sums.log(0) + scale * logit);
        }
    }

    /** The builder; this method has no options. */
    public static final class Builder {
        private Builder() {
        }

        /** Makes the method. */
        public MeanOfValues build() {
            return new MeanOfValues();
        }
    }
}
