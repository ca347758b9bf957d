package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.report.Columns;

/**
 * What an error budget costs. Times are medians of warm calls that took turns.
 *
 * @param budget     the relative spectral error that a head may have
 * @param exactMs    time of exact attention
 * @param searchedMs time of the method within the budget
 * @param columns    key evaluations per query of the cheapest fixed cost that keeps the budget, 0 for exact attention
 * @param fixed      the method at that cost
 * @param calibrated the method with a calibration for the budget, with a time of NaN where it takes none
 */
record BudgetPrice(double budget, double exactMs, double searchedMs, int columns, Beside fixed, Beside calibrated) {
    /**
     * Another way to keep the budget.
     *
     * @param ms    its time
     * @param error error of the worst head
     */
    record Beside(double ms, double error) {
    }

    /** What is said below the table. */
    static final String LEGEND = "price: time over that of the cheapest fixed cost of pilot (or exact attention) whose"
            + " measured error is within the budget in every head, from a scan in steps of 4 %; calibrated: with"
            + " efforts that were found before, on this input. Times are medians of warm calls that took turns.";

    /** Time of the cheapest way to keep the budget by somebody who knows it. */
    private double cheapestMs() {
        return Math.min(fixed.ms, exactMs);
    }

    private boolean isExactCheapest() {
        return columns == 0 || exactMs < fixed.ms;
    }

    double price() {
        return searchedMs / cheapestMs();
    }

    double calibratedPrice() {
        return calibrated.ms / cheapestMs();
    }

    static Columns<BudgetPrice> columns(boolean leadsWithBudget) {
        Columns<BudgetPrice> columns = new Columns<>();
        if (leadsWithBudget) {
            columns.text("budget", "budget", BudgetPrice::budget);
        }
        return columns
                .figure("exact ms", "exactMs", BudgetPrice::exactMs)
                .figure("within ms", "searchedMs", BudgetPrice::searchedMs)
                .both("speed-up", "speedup", price -> price.exactMs() / price.searchedMs(),
                        price -> Sentences.times(price.exactMs() / price.searchedMs()))
                .both("cheapest fixed", "fixedColumns", price -> price.isExactCheapest() ? null : price.columns(),
                        price -> price.isExactCheapest() ? "exact" : String.valueOf(price.columns()))
                .figure("its error", "fixedError", price -> price.isExactCheapest() ? 0 : price.fixed().error())
                .figure("its ms", "fixedMs", BudgetPrice::cheapestMs)
                .figure("price", "price", BudgetPrice::price)
                .figure("calibrated ms", "calibratedMs", price -> price.calibrated().ms())
                .figure("its error", "calibratedError", price -> price.calibrated().error())
                .figure("its price", "calibratedPrice", BudgetPrice::calibratedPrice);
    }
}
