package dev.kdeformer.kde;

/**
 * A kernel of two vectors x (query) and y (point): Gaussian exp(−‖x − y‖² / (2h²)) or exponential exp(τ·⟨x, y⟩).
 *
 * @param form      which of the two
 * @param parameter the bandwidth h, in the unit of the points, or the scale τ
 */
public record Kernel(Form form, double parameter) {
    /** The two kernels. */
    public enum Form {
        /** exp(−‖x − y‖² / (2h²)). */
        GAUSSIAN,
        /** exp(τ·⟨x, y⟩). */
        EXPONENTIAL
    }

    /**
     * Checks the parameter.
     *
     * @throws IllegalArgumentException if a bandwidth is not between 1e-30 and 1e30 or a scale is not finite
     */
    public Kernel {
        if (form == Form.GAUSSIAN && !(parameter >= 1e-30 && parameter <= 1e30)) {
            throw new IllegalArgumentException("bandwidth must be between 1e-30 and 1e30, got " + parameter);
        }
        if (!Double.isFinite(parameter)) {
            throw new IllegalArgumentException("scale must be finite, got " + parameter);
        }
    }

    /** exp(−‖x − y‖² / (2h²)), h = {@code bandwidth}. */
    public static Kernel gaussian(double bandwidth) {
        return new Kernel(Form.GAUSSIAN, bandwidth);
    }

    /** exp(⟨x, y⟩). */
    public static Kernel exponential() {
        return exponential(1);
    }

    /** exp(τ·⟨x, y⟩), τ = {@code scale}: with the softmax scale, the entries of the attention matrix. */
    public static Kernel exponential(double scale) {
        return new Kernel(Form.EXPONENTIAL, scale);
    }

    boolean isGaussian() {
        return form == Form.GAUSSIAN;
    }
}
