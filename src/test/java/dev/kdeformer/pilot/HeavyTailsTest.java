package dev.kdeformer.pilot;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Queries and keys some of which are many times as long as most: no tile of them is of one mind. */
class HeavyTailsTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(7);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    @Test
    void longKeysAreNearAndTheOthersDoNoHarm() {
        for (int seed = 1; seed <= 2; seed++) {
            AttentionInput input = make.normal(1, 1, 1, 4096, 4096, 24, 16);
            SplittableRandom random = new SplittableRandom(seed);
            stretch(input.query().matrix(0, 0), random);
            stretch(input.key().matrix(0, 0), random);
            Tensor exact = make.zeros(input.outputShape());
            Attention.exact().build().apply(ENGINE, input, exact);
            for (int columns : new int[] {256, 512}) {
                Tensor output = make.zeros(input.outputShape());
                Attention.pilot().columns(columns).build().apply(ENGINE, input, output);
                double error = distance(output.matrix(0, 0), exact.matrix(0, 0));
                assertTrue(error < (columns == 256 ? 0.5 : 0.2), error + " at " + columns);
            }
        }
    }

    /** Makes the rows long by a Pareto distribution, up to eightfold. */
    private static void stretch(Matrix rows, SplittableRandom random) {
        for (int i = 0; i < rows.rows(); i++) {
            float length = (float) Math.min(8, 0.5 / Math.sqrt(random.nextDouble()));
            for (int c = 0; c < rows.columns(); c++) {
                rows.set(i, c, rows.get(i, c) * length);
            }
        }
    }

    private static double distance(Matrix x, Matrix y) {
        double difference = 0;
        double size = 0;
        for (int i = 0; i < x.rows(); i++) {
            for (int c = 0; c < x.columns(); c++) {
                difference += Math.pow(x.get(i, c) - y.get(i, c), 2);
                size += Math.pow(y.get(i, c), 2);
            }
        }
        return Math.sqrt(difference / size);
    }
}
