package dev.kdeformer.kernel;

/**
 * What is subtracted from keys and from their biases while they are packed. Softmax sees neither; a log-sum-exp does,
 * and has to be given back what was taken.
 *
 * @param centre d floats, the row that is subtracted from every key; null for nothing
 * @param bias   the number that is subtracted from every bias, in natural logarithm units
 */
public record Centring(float[] centre, double bias) {
    /** Nothing is subtracted. */
    public static final Centring NONE = new Centring(null, 0);

    /** Subtracts a row of d floats from every key, and nothing from biases. */
    public static Centring of(float[] centre) {
        return new Centring(centre, 0);
    }
}
