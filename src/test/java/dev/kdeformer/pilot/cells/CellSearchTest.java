package dev.kdeformer.pilot.cells;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Inputs that a few groups of keys cannot stand for, within a budget. */
class CellSearchTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(6);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    /** A narrow Gaussian kernel in the plane: queries and keys are the same points. */
    private AttentionInput plane(int n, int keys, float width) {
        AttentionInput input = make.normal(1, 1, 1, n, keys, 3, 2);
        for (int i = 0; i < Math.max(n, keys); i++) {
            float x = i * 0.754877666f % 1 / width;
            float y = i * 0.569840291f % 1 / width;
            if (i < n) {
                set(input.query(), i, x, y, 1);
            }
            if (i < keys) {
                set(input.key(), i, x, y, -(x * x + y * y) / 2);
                set(input.value(), i, (float) Math.sin(9 * width * x), (float) Math.cos(7 * width * y));
            }
        }
        return input.withScale(1);
    }

    private static void set(Tensor tensor, int row, float... values) {
        for (int c = 0; c < values.length; c++) {
            tensor.matrix(0, 0).set(row, c, values[c]);
        }
    }

    private static AttentionMethod within(double budget) {
        return Attention.pilot().budget(ErrorBudget.relativeSpectral(budget)).build();
    }

    @Test
    void aNarrowKernelInThePlaneNeedsFewKeys() {
        AttentionInput input = plane(12_900, 12_600, 0.03f);
        Tensor exact = make.zeros(input.outputShape());
        Tensor output = make.zeros(input.outputShape());
        Attention.exact().build().apply(ENGINE, input, exact);
        AttentionMethod.Statistics done = within(0.05).apply(ENGINE, input, output);
        double error = ErrorReport.of(ENGINE, output, exact).max().spectral();
        assertTrue(error > 0 && error <= 0.05, done.note() + " error " + error);
        assertTrue(done.columns() < 0.6 * 12_600, done.columns() + " evaluations");
    }

    @Test
    void bitsDoNotDependOnThreads() {
        AttentionInput input = plane(12_400, 12_300, 0.03f);
        float[] first = null;
        for (int threads : new int[] {1, 2, 7}) {
            try (Engine engine = Engine.create(threads)) {
                Tensor output = make.zeros(input.outputShape());
                within(0.05).apply(engine, input, output);
                if (first != null) {
                    assertArrayEquals(first, output.toArray(), threads + " threads");
                }
                first = output.toArray();
            }
        }
    }

    @Test
    void logSumExpsAndHiddenKeysAreRight() {
        AttentionInput input = plane(8200, 9000, 0.05f);
        Tensor bias = make.zeros(dev.kdeformer.tensor.Shape.of(1, 1, 1, 9000));
        for (int j = 0; j < 9000; j++) {
            bias.matrix(0, 0).set(0, j, j % 10 == 3 ? Float.NEGATIVE_INFINITY : 0.1f * (j % 5));
        }
        AttentionInput hidden = input.withKeyBias(bias);
        Tensor exact = make.zeros(hidden.outputShape());
        Tensor exactSums = make.zeros(hidden.outputShape().withColumns(1));
        Tensor output = make.zeros(hidden.outputShape());
        Tensor sums = make.zeros(hidden.outputShape().withColumns(1));
        Attention.exact().build().apply(ENGINE, hidden, exact, exactSums);
        within(0.05).apply(ENGINE, hidden, output, sums);
        assertTrue(ErrorReport.of(ENGINE, output, exact).max().spectral() <= 0.05);
        double squares = 0;
        for (int i = 0; i < 8200; i++) {
            squares += Math.pow(sums.matrix(0, 0).get(i, 0) - exactSums.matrix(0, 0).get(i, 0), 2);
        }
        assertTrue(Math.sqrt(squares / 8200) < 0.1, "log-sum-exps are off by " + Math.sqrt(squares / 8200));
    }
}
