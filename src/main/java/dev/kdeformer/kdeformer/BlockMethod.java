package dev.kdeformer.kdeformer;

import dev.kdeformer.AttentionGradient;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputFeature;
import dev.kdeformer.method.Checks;
import dev.kdeformer.method.GradientFrame;
import dev.kdeformer.method.MethodFrame;
import dev.kdeformer.method.Pieces;
import dev.kdeformer.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Exact attention inside hash-sorted blocks, and a sample for all other keys: what the two methods have in common.
 * Sinks take the share of a row that its log-sum-exp, an estimate from the same blocks and samples, leaves them.
 */
abstract class BlockMethod implements DifferentiableMethod {
    final BlockSampling sampling;
    private final MethodFrame frame;

    BlockMethod(BlockSampling sampling) {
        this.sampling = sampling;
        this.frame = MethodFrame.of(this, sampling::run).inPieces().refusing(this::checkWindow);
    }

    /** The parameters, one of the method's own among them. */
    final Map<String, Object> parameters(String name, Object value) {
        Map<String, Object> parameters = new LinkedHashMap<>();
        parameters.put("blockSize", sampling.blockSize());
        parameters.put("samples", sampling.samples());
        parameters.put("hashBits", sampling.hashBits());
        parameters.put(name, value);
        parameters.put("draws", Options.word(sampling.draws()));
        parameters.put("seed", sampling.seed());
        return parameters;
    }

    @Override
    public Set<InputFeature> takes() {
        return Set.of(InputFeature.WINDOW, InputFeature.CAUSAL, InputFeature.KEY_LENGTHS, InputFeature.QUERY_LENGTHS,
                InputFeature.SEQUENCES, InputFeature.KEY_BIAS, InputFeature.SINKS);
    }

    /** Refuses windows that show more keys than are computed exactly. */
    final void checkWindow(AttentionInput input) {
        if (!sampling.isExact(input)) {
            Checks.window(this, input.mask(), sampling.mostExact(), "so many it computes exactly");
        }
    }

    @Override
    public Statistics apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp) {
        return frame.apply(engine, input, output, logSumExp);
    }

    /**
     * Returns the gradients of this method with its blocks, its sampled keys and their weights held fixed: those of
     * softmax attention in which each query meets its own block, and the sampled keys outside it with the logarithms of
     * their weights added to the logits. Blocks and samples are made again from the input and the seed.
     */
    @Override
    public AttentionGradient gradient() {
        return new GradientFrame(new SampledGradient(this));
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        return Pieces.estimate(input, one -> sampling.estimate(one, threads));
    }
}
