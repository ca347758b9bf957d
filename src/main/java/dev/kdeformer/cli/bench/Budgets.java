package dev.kdeformer.cli.bench;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.tensor.Tensor;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/** Whether methods keep within a budget of key evaluations. */
final class Budgets {
    /** What rounding to whole blocks may add. */
    private static final double ROUNDING = 1.02;

    private Budgets() {
    }

    /**
     * What is to be said about a run: the method's own note, and that it spent more than it was given. What it
     * does with the smallest budget it takes is then the least that it does at all.
     *
     * @param budget that it was given, if any
     */
    static String note(Engine engine, AttentionInput input, Tensor output, AttentionMethod method, OptionalInt budget,
            Statistics statistics) {
        if (budget.isEmpty() || statistics.columns() <= ROUNDING * budget.getAsInt()) {
            return statistics.note();
        }
        String note = "--columns " + budget.getAsInt() + " is exceeded: it spent "
                + Sentences.count(statistics.columns()) + " key evaluations per query";
        for (int least = 1; least < budget.getAsInt(); least *= 2) {
            try {
                note += ", and the least that it spends here is " + Sentences.count(Methods.find(method.name())
                        .make(OptionalInt.of(least), OptionalDouble.empty(), 1, Map.of()).apply(engine, input, output)
                        .columns());
                break;
            } catch (UsageError | IllegalArgumentException e) {
                continue; // some methods take no budget as small as that
            }
        }
        return note + (statistics.note().isEmpty() ? "" : "; " + statistics.note());
    }
}
