package dev.kdeformer.kdeformer;

import java.util.Map;

/**
 * HyperAttention (Han, Jayaram, Karbasi, Mirrokni, Woodruff and Zandieh, ICLR 2024, arXiv 2310.05869): exact
 * attention inside hash-sorted blocks, and all other keys through a uniform sample. Below a minimum number of keys it
 * is exact, and so are triangles of a causal rule below it. Masks, biases and heads as in {@link KdeformerAttention},
 * with which it shares the computation.
 *
 * <p>The sample is drawn from all m visible keys and counted with weight m / s; draws that fall into a query's own
 * block are left out for it. The sum over keys outside the block is then unbiased for any sizes of blocks, without a
 * sample for each block; the authors' weight (m − block) / s belongs to s draws outside the block, which their code
 * does not make: on a GPU it counts keys of the own block twice.
 */
public final class HyperAttention extends BlockMethod {
    private HyperAttention(BlockSampling sampling) {
        super(sampling);
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    public String name() {
        return "hyper";
    }

    @Override
    public Map<String, Object> parameters() {
        return parameters("minLength", sampling.exactBelow());
    }

    /** Options of HyperAttention, with the defaults of the authors' code. */
    public static final class Builder extends BlockOptions<Builder> {
        private int minLength = 4096;

        private Builder() {
            super(256);
        }

        @Override
        Builder self() {
            return this;
        }

        /**
         * Fewer keys than this are attended exactly; 4,096 by default.
         *
         * @throws IllegalArgumentException if it is negative
         */
        public Builder minLength(int keys) {
            minLength = Options.atLeast("minLength", keys, 0);
            return this;
        }

        /** Makes the method. */
        public HyperAttention build() {
            return new HyperAttention(new BlockSampling(blockSize, samples, hashBits, seed, KeyWeights.UNIFORM, draws,
                    minLength));
        }
    }
}
