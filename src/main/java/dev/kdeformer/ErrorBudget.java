package dev.kdeformer;

/**
 * The error that a method may make, per head: ‖Õ − O‖ / ‖O‖ in the operator norm. A method with a budget spends what
 * the budget asks for, checks itself on exact rows that it did not use to choose, and falls back to exact attention
 * where that is cheaper.
 *
 * @param relativeSpectral largest relative spectral error of a head, above 0
 */
public record ErrorBudget(double relativeSpectral) {
    /**
     * Checks the bound.
     *
     * @throws IllegalArgumentException if the error is not a positive number
     */
    public ErrorBudget {
        if (!(relativeSpectral > 0) || relativeSpectral == Double.POSITIVE_INFINITY) {
            throw new IllegalArgumentException("error budget must be a positive number, got " + relativeSpectral);
        }
    }

    /** A budget for the relative spectral error of every head. */
    public static ErrorBudget relativeSpectral(double error) {
        return new ErrorBudget(error);
    }
}
