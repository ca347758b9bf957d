package dev.kdeformer.kdeformer;

/**
 * What keys are sampled in proportion to. Any of these leaves numerator and denominator unbiased, since every sampled
 * key counts with the inverse of its own probability; they differ in variance only. Keys that a bias of −∞ hides have
 * weight 0; other biases do not enter, except through the exact rows of {@link #COLUMN_MASS}.
 */
public enum KeyWeights {
    /** All keys alike (HyperAttention). */
    UNIFORM,

    /**
     * ‖v_j‖ / σ_max(V) + 1/m with a column of ones beside the values V (the experiments of the KDEformer paper). The
     * column of ones, which stands for the denominator, gives the values' unit of measurement a meaning.
     */
    VALUE_NORM,

    /**
     * The same with the mean taken from the values, and a column of their root mean square deviation in place of the
     * ones. What all values have in common does not come out wrong however the keys are sampled, as long as numerator
     * and denominator use the same ones.
     */
    CENTRED_VALUE_NORM,

    /**
     * The root mean square, over a few queries drawn at random, of the keys' exact softmax weights, times the weight
     * of {@link #CENTRED_VALUE_NORM}; half of the probability stays with the latter, because a few rows cannot show
     * that a key matters to no query.
     */
    COLUMN_MASS
}
