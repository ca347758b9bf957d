package dev.kdeformer.kdeformer;

import java.util.Objects;

/**
 * The options that KDEformer and HyperAttention have in common.
 *
 * @param <B> the builder itself
 */
public abstract sealed class BlockOptions<B extends BlockOptions<B>>
        permits KdeformerAttention.Builder, HyperAttention.Builder {
    int blockSize = 256;
    int samples;
    int hashBits = 7;
    long seed;
    Draws draws = Draws.WITH_REPLACEMENT;

    BlockOptions(int samples) {
        this.samples = samples;
    }

    /** This builder. */
    abstract B self();

    /**
     * Sets the most keys in a block; 256 by default.
     *
     * @throws IllegalArgumentException if it is below 1
     */
    public B blockSize(int keys) {
        blockSize = Options.atLeast("blockSize", keys, 1);
        return self();
    }

    /**
     * Draws of keys outside the blocks, shared by all queries; 512 by default for KDEformer, 256 for HyperAttention.
     *
     * @throws IllegalArgumentException if it is below 1
     */
    public B samples(int count) {
        samples = Options.atLeast("samples", count, 1);
        return self();
    }

    /**
     * Key evaluations per query, of which a third go to the block and two thirds to the samples, as in the experiments
     * of the paper on KDEformer. Sets the size of blocks and the samples.
     *
     * @throws IllegalArgumentException if it is below 3
     */
    public B columns(int count) {
        blockSize = Options.atLeast("columns", count, 3) / 3;
        samples = count - blockSize;
        return self();
    }

    /**
     * Sets the signs of the hash; 7 by default, as in the papers.
     *
     * @throws IllegalArgumentException if it is not between 1 and 30
     */
    public B hashBits(int bits) {
        hashBits = Options.hashBits(bits);
        return self();
    }

    /** Sets the seed of hash directions and draws; 0 by default. The same seed gives the same output. */
    public B seed(long newSeed) {
        seed = newSeed;
        return self();
    }

    /** How keys are drawn; {@link Draws#WITH_REPLACEMENT} by default. */
    public B draws(Draws newDraws) {
        draws = Objects.requireNonNull(newDraws, "draws");
        return self();
    }
}
