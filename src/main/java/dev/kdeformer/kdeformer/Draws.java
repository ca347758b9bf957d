package dev.kdeformer.kdeformer;

/** How keys are drawn with given probabilities. Both ways are unbiased. */
public enum Draws {
    /**
     * Independent draws with replacement; a key drawn c times counts c times. This is what the papers analyse.
     */
    WITH_REPLACEMENT,

    /**
     * One draw from each of s strata of equal probability along the hash-sorted order of the keys, without ever
     * drawing a key twice: keys whose expected number of draws would reach 1 are always taken, the others by Deville's
     * systematic sampling (Deville 1998; Chauvet 2012). Keys of all directions are represented in proportion; the
     * variance is at most that of draws with replacement for sums over the strata, and usually lower.
     */
    STRATIFIED
}
