package dev.kdeformer.exact;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.runtime.Crew;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.Map;

/** Exact softmax attention. */
public final class ExactAttention implements AttentionMethod {
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
    public Statistics apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp) {
        Crew crew = engine.begin();
        try {
            int heads = input.heads();
            int n = input.queries();
            int m = input.keys();
            int offset = input.mask().causalOffset(n, m);
            crew.expect((long) input.batch() * heads * n);
            crew.forEach(input.batch() * heads, (index, scratch) -> {
                int b = index / heads;
                int h = index % heads;
                Matrix q = input.query().matrix(b, h);
                Matrix k = input.key().matrix(b, h / input.groupSize());
                Matrix v = input.value().matrix(b, h / input.groupSize());
                Matrix o = output.matrix(b, h);
                int length = input.mask().keyLength(b, m);
                double[] logits = new double[m];
                for (int i = 0; i < n; i++) {
                    int visible = (int) Math.max(0, Math.min(length, (long) i + offset + 1));
                    double max = Double.NEGATIVE_INFINITY;
                    for (int j = 0; j < visible; j++) {
                        double dot = 0;
                        for (int c = 0; c < input.d(); c++) {
                            dot += (double) q.get(i, c) * k.get(j, c);
                        }
                        logits[j] = dot * input.scale();
                        max = Math.max(max, logits[j]);
                    }
                    double sum = 0;
                    double[] acc = new double[input.dv()];
                    for (int j = 0; j < visible; j++) {
                        double p = Math.exp(logits[j] - max);
                        sum += p;
                        for (int c = 0; c < acc.length; c++) {
                            acc[c] += p * v.get(j, c);
                        }
                    }
                    for (int c = 0; c < acc.length; c++) {
                        o.set(i, c, sum == 0 ? 0 : (float) (acc[c] / sum));
                    }
                    if (logSumExp != null) {
                        logSumExp.matrix(b, h).set(i, 0, (float) (max + Math.log(sum)));
                    }
                    crew.advance(1);
                }
            });
            return new Statistics(m, "");
        } finally {
            engine.end(crew);
        }
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        double pairs = (double) input.batch() * input.heads() * input.queries() * input.keys();
        return new Estimate(0, 2 * pairs * (input.d() + input.dv()));
    }

    /** Options of exact attention. */
    public static final class Builder {
        private Builder() {
        }

        /** The method. */
        public ExactAttention build() {
            return new ExactAttention();
        }
    }
}
