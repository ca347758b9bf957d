package dev.kdeformer.cli.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Tensor;
import java.io.PrintWriter;
import java.io.Writer;
import org.junit.jupiter.api.Test;

class FixedCostsTest {
    private final TestInputs make = TestInputs.of(8);

    @Test
    void theCheapestCostKeepsTheErrorAndHalfOfItDoesNot() {
        AttentionInput input = make.normal(1, 2, 2, 2000, 2000, 8, 4);
        Tensor truth = make.zeros(input.outputShape());
        Tensor output = make.zeros(input.outputShape());
        try (Engine engine = Engine.create(2); Progress progress = new Progress(new PrintWriter(Writer.nullWriter()),
                false, () -> 0)) {
            Attention.exact().build().apply(engine, input, truth);
            FixedCosts costs = new FixedCosts(engine, input, truth, output, progress);
            double error = 1.2 * costs.error(400);
            int columns = costs.cheapest(error);
            assertTrue(columns > 64 && columns <= 440, "cheapest: " + columns);
            FixedCosts.method(columns).apply(engine, input, output);
            assertTrue(ErrorReport.of(engine, output, truth).max().spectral() <= error);
            FixedCosts.method(columns / 2).apply(engine, input, output);
            assertTrue(ErrorReport.of(engine, output, truth).max().spectral() > error);
            assertEquals(0, costs.cheapest(1e-12), "no cost below all keys keeps as little");
        }
    }
}
