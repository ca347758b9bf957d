package dev.kdeformer.cli.bench;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.pilot.PilotAttention;
import dev.kdeformer.tensor.Tensor;
import java.util.Map;
import java.util.TreeMap;

/**
 * The errors of pilot attention at fixed costs on one input, measured on all rows. What an error budget costs has to be
 * held against the cheapest of them that keeps the same error, which only somebody who knows the exact output can find.
 */
final class FixedCosts {
    private static final int CHEAPEST = 64;
    /** Four costs from one to twice as much; {@link #REFINEMENTS} halve the distance in the end. */
    private static final double STEP = Math.pow(2, 0.25);
    private static final int REFINEMENTS = 2;

    private final Engine engine;
    private final AttentionInput input;
    private final Tensor truth;
    private final Tensor output;
    private final Progress progress;
    private final Map<Integer, Double> errors = new TreeMap<>();

    /**
     * Prepares to scan.
     *
     * @param truth  the exact output
     * @param output overwritten
     */
    FixedCosts(Engine engine, AttentionInput input, Tensor truth, Tensor output, Progress progress) {
        this.engine = engine;
        this.input = input;
        this.truth = truth;
        this.output = output;
        this.progress = progress;
    }

    static AttentionMethod method(int columns) {
        return PilotAttention.builder().columns(columns).build();
    }

    /**
     * The key evaluations per query of the cheapest cost that keeps an error in every head; 0 if there is none below
     * all keys.
     */
    int cheapest(double error) {
        double keys = Bench.visibleKeys(input);
        int missing = 0;
        int keeping = 0;
        for (double columns = CHEAPEST; keeping == 0 && columns < keys; columns *= STEP) {
            int rounded = (int) Math.round(columns);
            if (error(rounded) <= error) {
                keeping = rounded;
            } else {
                missing = rounded;
            }
        }
        for (int i = 0; i < REFINEMENTS && missing > 0 && keeping > missing + 1; i++) {
            int between = (int) Math.round(Math.sqrt((double) missing * keeping));
            if (error(between) <= error) {
                keeping = between;
            } else {
                missing = between;
            }
        }
        return keeping;
    }

    /** The relative spectral error of the worst head at a cost. */
    double error(int columns) {
        return errors.computeIfAbsent(columns, key -> {
            progress.stage("pilot at " + key + " key evaluations per query");
            method(key).apply(engine, input, output);
            return ErrorReport.of(engine, output, truth).max().spectral();
        });
    }
}
