package dev.kdeformer.pilot.cells;

import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.pilot.cells.CellKernel.RANK;
import static dev.kdeformer.pilot.keys.KeyCells.CELL;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.pilot.tile.ScoreKernel;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CellKernelTest {
    private static final float HIDDEN = -1e30f;

    private final SplittableRandom random = new SplittableRandom(5);

    @ParameterizedTest
    @ValueSource(doubles = {0.1, 3, 60})
    void aCellIsMeasuredAsItsDefinitionSays(double size) {
        int at = CELL;
        float[] products = new float[(2 + 2 * RANK) * STRIDE];
        for (int i = 0; i < products.length; i++) {
            products[i] = (float) (size * random.nextGaussian());
        }
        float[] biases = new float[2 * CELL];
        float[] radii = new float[2 * CELL];
        for (int j = 0; j < 2 * CELL; j++) {
            biases[j] = j % 7 == 3 ? HIDDEN : (float) random.nextGaussian();
            radii[j] = (float) random.nextDouble();
        }
        SeenKeys seen = new SeenKeys(2);
        float rest = 0.3f;
        seen.rest = rest;
        int row = 1;
        float top = CellKernel.measure(products, row, biases, radii, 1, seen);
        double most = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < CELL; j++) {
            most = Math.max(most, (double) products[row * STRIDE + j] + biases[at + j]);
        }
        assertEquals(most, top, 1e-5 * Math.abs(most));
        double mass = 0;
        double[] mean = new double[RANK];
        for (int j = 0; j < CELL; j++) {
            double w = Math.exp((double) products[row * STRIDE + j] + biases[at + j] - top);
            mass += w;
            for (int r = 0; r < RANK; r++) {
                mean[r] += w * products[(row + 1 + r) * STRIDE + j];
            }
        }
        assertEquals(mass, seen.means[SeenKeys.MEANS + RANK], 1e-3 * mass);
        for (int j = 0; j < CELL; j++) {
            double spread = rest * radii[at + j];
            for (int r = 0; r < RANK; r++) {
                double x = products[(row + 1 + r) * STRIDE + j] - mean[r] / mass;
                spread += x * x;
            }
            assertEquals(spread, seen.spreads[at + j], 3e-3 * spread + 1e-3 * size * size);
        }
    }

    @Test
    void nearKeysLeaveTheRestWithItsWeights() {
        SeenKeys seen = new SeenKeys(1);
        float[] logits = seen.logits;
        float[] spreads = seen.spreads;
        float[] scores = seen.scores;
        float[] before = new float[CELL];
        for (int j = 0; j < CELL; j++) {
            logits[j] = j == 5 ? HIDDEN : (float) (10 * random.nextGaussian());
            before[j] = logits[j];
            spreads[j] = (float) random.nextDouble();
        }
        CellKernel.score(seen, 0, 1);
        float limit = 0;
        int[] near = new int[CELL + 2];
        float[] sums = new float[2];
        int count = CellKernel.split(seen, 0, 2, limit, near, 2, sums);
        double mass = 0;
        double spread = 0;
        int found = 2;
        for (int j = 0; j < CELL; j++) {
            double score = 2.0 * before[j] + ScoreKernel.logThirdOrder(spreads[j]) + 1;
            assertEquals(score, scores[j], 2e-3 * Math.abs(score) + 2e-3);
            if (scores[j] > limit) {
                assertEquals(j, near[found++]);
                assertEquals(0, logits[j]);
            } else {
                double w = Math.exp(before[j] - 2.0);
                assertEquals(w, logits[j], 1e-3 * w + 1e-30);
                mass += logits[j];
                spread += logits[j] * spreads[j];
            }
        }
        assertTrue(count > 3 && count < CELL, count + " near");
        assertEquals(found, count);
        assertEquals(mass, sums[0], 1e-5 * mass);
        assertEquals(spread, sums[1], 1e-5 * spread);
    }

    @Test
    void theThirdOrderIsWhatTheExponentialHasLeft() {
        for (double s : new double[] {0.01, 0.5, 2, 3.9, 4.1, 10, 40}) {
            double exact = Math.log(Math.expm1(s) - s - s * s / 2);
            assertEquals(exact, ScoreKernel.logThirdOrder(s), 0.35, "spread " + s);
        }
    }
}
