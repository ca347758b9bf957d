package dev.kdeformer.cli.training;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.tensor.Tensor;
import java.util.Map;

/**
 * Exact attention to the last keys alone: what every approximation of causal attention has to beat at the same cost,
 * because a model of text looks mostly at what is near.
 *
 * @param window keys that a query sees, itself included
 */
record WindowAttention(int window) implements AttentionMethod {
    static final String NAME = "window";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Map<String, Object> parameters() {
        return Map.of(NAME, window);
    }

    @Override
    public Statistics apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp) {
        return Attention.exact().build().apply(engine, cut(input), output, logSumExp);
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        if (input.isEmpty()) {
            return Estimate.NOTHING;
        }
        return Attention.exact().build().estimate(cut(input), threads);
    }

    private AttentionInput cut(AttentionInput input) {
        return input.withMask(input.mask().withWindow(window));
    }
}
