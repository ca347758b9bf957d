package dev.kdeformer.cli.bench;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.methods.Allowance;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;

/** Whether methods keep within a budget of key evaluations. */
final class Budgets {
    /** What rounding to whole blocks may add. */
    private static final double ROUNDING = 1.02;

    private final Engine engine;
    private final AttentionInput input;
    /** The least evaluations that a method spends, by its name; NaN where it takes no budget to find them with. */
    private final Map<String, Double> least = new HashMap<>();

    Budgets(Engine engine, AttentionInput input) {
        this.engine = engine;
        this.input = input;
    }

    /**
     * What is to be said about a run: the method's own note, and that it spent more than it was given. Where that is
     * the least that the method spends at all, the sentence is the same for all budgets below it.
     *
     * @param output is written to
     * @param budget that it was given, if any
     */
    String note(Tensor output, AttentionMethod method, OptionalInt budget, Statistics statistics) {
        if (budget.isEmpty() || statistics.columns() <= ROUNDING * budget.getAsInt()) {
            return statistics.note();
        }
        double fewest = least.computeIfAbsent(method.name(), name -> least(name, output, budget.getAsInt()));
        String count = Sentences.count(fewest);
        String note = statistics.columns() <= ROUNDING * fewest
                ? "--columns below " + count + " is exceeded: it spends " + count
                        + " key evaluations per query here, or more"
                : "--columns " + budget.getAsInt() + " is exceeded: it spent " + Sentences.count(statistics.columns())
                        + " key evaluations per query";
        return note + (statistics.note().isEmpty() ? "" : "; " + statistics.note());
    }

    /** What a method does with the smallest budget that it takes. */
    private double least(String name, Tensor output, int most) {
        for (int budget = 1; budget < most; budget *= 2) {
            try {
                return Methods.find(name).make(Allowance.evaluations(budget), 1, Map.of())
                        .apply(engine, input, output).columns();
            } catch (UsageError | IllegalArgumentException e) {
                continue; // some methods take no budget as small as that
            }
        }
        return Double.NaN;
    }
}
