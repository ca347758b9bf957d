package dev.kdeformer.cli.methods;

import dev.kdeformer.Calibration;
import dev.kdeformer.ErrorBudget;
import java.util.OptionalInt;

/**
 * What a run of a method may spend; at most one of the three is there.
 *
 * @param evaluations key evaluations per query
 * @param error       the error that a head may have, or null
 * @param calibration efforts that keep such an error, or null
 */
public record Allowance(OptionalInt evaluations, ErrorBudget error, Calibration calibration) {
    /** As much as the method chooses by itself. */
    public static final Allowance NONE = new Allowance(OptionalInt.empty(), null, null);

    /** A number of key evaluations per query. */
    public static Allowance evaluations(int perQuery) {
        return new Allowance(OptionalInt.of(perQuery), null, null);
    }

    /** What an error budget asks for. */
    public static Allowance within(ErrorBudget error) {
        return new Allowance(OptionalInt.empty(), error, null);
    }

    /** What an error budget of every head's relative spectral error asks for. */
    public static Allowance within(double error) {
        return within(ErrorBudget.relativeSpectral(error));
    }

    /** The efforts of a calibration, within its error budget. */
    public static Allowance calibrated(Calibration efforts) {
        return new Allowance(OptionalInt.empty(), null, efforts);
    }
}
