package dev.kdeformer.kdeformer;

import dev.kdeformer.AttentionGradient;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.MethodBase;
import java.util.LinkedHashMap;
import java.util.Map;

/** Exact attention inside hash-sorted blocks, and a sample for all other keys: what the two methods have in common. */
abstract class BlockMethod extends MethodBase implements DifferentiableMethod {
    final BlockSampling sampling;

    BlockMethod(BlockSampling sampling) {
        this.sampling = sampling;
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
    protected Statistics run(Call call) {
        return sampling.run(call);
    }

    /**
     * The gradients of this method with its blocks, its sampled keys and their weights held fixed: those of softmax
     * attention in which each query meets its own block, and the sampled keys outside it with the logarithms of their
     * weights added to the logits. Blocks and samples are made again from the input and the seed.
     */
    @Override
    public AttentionGradient gradient() {
        return new SampledGradient(sampling);
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        return sampling.estimate(input, threads);
    }
}
