package dev.kdeformer.kdeformer;

import java.util.Map;
import java.util.Objects;

/**
 * KDEformer in the form that its experiments run (Zandieh, Han, Daliri and Karbasi, ICML 2023, arXiv 2302.02451,
 * section 4 and appendix): queries and keys are sorted by an angular hash and cut into matching blocks; inside the
 * blocks attention is exact, all other keys are represented by a sample drawn with probabilities from the values'
 * norms and weighted by their inverse. Numerator and denominator are unbiased; their quotient, the output, is so up to
 * terms of the order of its variance.
 *
 * <p>Work per query: a block of keys and the samples, whatever the number of keys, plus hashing and sorting. Memory is
 * linear in queries and keys. Where a block and the samples would cover all keys, the method is exact. All masks,
 * per-key biases and grouped heads are taken; heads of a group share blocks of keys and samples. Under a causal rule
 * the sequence is halved again and again, as HyperAttention does it: triangles on the diagonal are exact, and every
 * query meets a block and samples for each unmasked rectangle it is in, up to log₂ n of them and half as many on
 * average.
 *
 * <p>What differs from the authors' code: any numbers of queries and keys; every exponential is taken relative to a
 * maximum; the mask of a query's own block is made anew for every block and call; hash codes are ranked by their
 * place in the Gray code.
 */
public final class KdeformerAttention extends BlockMethod {
    private KdeformerAttention(BlockSampling sampling) {
        super(sampling);
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    public String name() {
        return "kdeformer";
    }

    @Override
    public Map<String, Object> parameters() {
        return parameters("weights", Options.word(sampling.weights()));
    }

    /** Options of KDEformer, with the defaults of the paper's largest run: 768 key evaluations a query. */
    public static final class Builder extends BlockOptions<Builder> {
        private KeyWeights weights = KeyWeights.VALUE_NORM;

        private Builder() {
            super(512);
        }

        @Override
        Builder self() {
            return this;
        }

        /** What keys are drawn in proportion to; {@link KeyWeights#VALUE_NORM} by default. */
        public Builder weights(KeyWeights newWeights) {
            weights = Objects.requireNonNull(newWeights, "weights");
            return this;
        }

        /** Makes the method. */
        public KdeformerAttention build() {
            return new KdeformerAttention(new BlockSampling(blockSize, samples, hashBits, seed, weights, draws, 0));
        }
    }
}
