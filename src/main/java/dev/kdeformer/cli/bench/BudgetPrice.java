package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.report.Columns;

/**
 * What an error budget costs. Times are medians of warm calls that took turns.
 *
 * @param budget          the relative spectral error that a head may have
 * @param exactMs         time of exact attention
 * @param searchedMs      time of the method within the budget
 * @param columns         key evaluations per query of the cheapest fixed cost that keeps the budget, 0 for exact
 *                        attention
 * @param columnsError    error of the worst head there
 * @param fixedMs         its time
 * @param calibratedMs    time of the method with a calibration for the budget, NaN where it takes none
 * @param calibratedError error of the worst head then
 */
record BudgetPrice(double budget, double exactMs, double searchedMs, int columns, double columnsError, double fixedMs,
        double calibratedMs, double calibratedError) {
    /** What is said below the table. */
    static final String LEGEND = "price: time over that of the cheapest fixed cost of pilot (or exact attention) whose"
            + " measured error is within the budget in every head, from a scan in steps of 4 %; calibrated: with"
            + " efforts that were found before, on this input. Times are medians of warm calls that took turns.";

    /** Time of the cheapest way to keep the budget by somebody who knows it. */
    private double cheapestMs() {
        return Math.min(fixedMs, exactMs);
    }

    private boolean isExactCheapest() {
        return columns == 0 || exactMs < fixedMs;
    }

    double price() {
        return searchedMs / cheapestMs();
    }

    double calibratedPrice() {
        return calibratedMs / cheapestMs();
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
                .figure("its error", "fixedError", price -> price.isExactCheapest() ? 0 : price.columnsError())
                .figure("its ms", "fixedMs", BudgetPrice::cheapestMs)
                .figure("price", "price", BudgetPrice::price)
                .figure("calibrated ms", "calibratedMs", BudgetPrice::calibratedMs)
                .figure("its error", "calibratedError", BudgetPrice::calibratedError)
                .figure("its price", "calibratedPrice", BudgetPrice::calibratedPrice);
    }
}
