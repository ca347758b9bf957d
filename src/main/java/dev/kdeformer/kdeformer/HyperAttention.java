package dev.kdeformer.kdeformer;

import java.util.Map;
import java.util.Objects;

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
    public static final class Builder {
        private int blockSize = 256;
        private int samples = 256;
        private int hashBits = 7;
        private int minLength = 4096;
        private long seed;
        private Draws draws = Draws.WITH_REPLACEMENT;

        private Builder() {
        }

        /**
         * Most keys in a block; 256 by default.
         *
         * @throws IllegalArgumentException if it is below 1
         */
        public Builder blockSize(int keys) {
            blockSize = Options.atLeast("blockSize", keys, 1);
            return this;
        }

        /**
         * Draws of keys outside the blocks, shared by all queries; 256 by default.
         *
         * @throws IllegalArgumentException if it is below 1
         */
        public Builder samples(int count) {
            samples = Options.atLeast("samples", count, 1);
            return this;
        }

        /**
         * Key evaluations per query, of which a third go to the block and two thirds to the samples, as for
         * {@link KdeformerAttention}. Sets {@link #blockSize} and {@link #samples}.
         *
         * @throws IllegalArgumentException if it is below 3
         */
        public Builder columns(int count) {
            blockSize = Options.atLeast("columns", count, 3) / 3;
            samples = count - blockSize;
            return this;
        }

        /**
         * Signs of the hash; 7 by default.
         *
         * @throws IllegalArgumentException if it is not between 1 and 30
         */
        public Builder hashBits(int bits) {
            hashBits = Options.hashBits(bits);
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

        /** Seed of hash directions and draws; 0 by default. The same seed gives the same output. */
        public Builder seed(long newSeed) {
            seed = newSeed;
            return this;
        }

        /** How keys are drawn; {@link Draws#WITH_REPLACEMENT} by default. */
        public Builder draws(Draws newDraws) {
            draws = Objects.requireNonNull(newDraws, "draws");
            return this;
        }

        /** The method. */
        public HyperAttention build() {
            return new HyperAttention(new BlockSampling(blockSize, samples, hashBits, seed, KeyWeights.UNIFORM, draws,
                    minLength));
        }
    }
}
