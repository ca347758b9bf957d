package dev.kdeformer.pilot.tile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.kernel.Lanes;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ScoreKernelTest {
    private static final int COUNT = 1000;

    private final float[] logits = new float[Lanes.roundUp(COUNT, Lanes.LANES)];
    private final float[] spreads = new float[logits.length];
    private final float[] scores = new float[logits.length];

    /** The terms of third order and above of e^s, and what is left of them where a weight is all there is. */
    private static double expected(double u, double s) {
        double small = 2 * u + Math.log(Math.expm1(s) - s - s * s / 2);
        return -u < s ? Math.min(small, -u * u / s) : small;
    }

    private void score(float logMass) {
        Arrays.fill(logits, COUNT, logits.length, FarField.EMPTY);
        float best = ScoreKernel.scores(logits, spreads, COUNT, logMass, scores);
        float most = Float.NEGATIVE_INFINITY;
        for (int j = 0; j < COUNT; j++) {
            most = Math.max(most, scores[j]);
        }
        assertEquals(most, best);
    }

    @Test
    void scoresAreTheExpectedErrors() {
        SplittableRandom random = new SplittableRandom(3);
        for (int j = 0; j < COUNT; j++) {
            logits[j] = (float) (-1.5 - 30 * random.nextDouble());
            spreads[j] = (float) Math.exp(-2 + 7 * random.nextDouble());
        }
        score(-1.5f);
        for (int j = 0; j < COUNT; j++) {
            assertEquals(expected(logits[j] + 1.5, spreads[j]), scores[j], 0.35);
        }
    }

    /** The logits of a narrow kernel fall with the square of the distance, their spread grows with it. */
    @Test
    void ofAllDistantKeysTheNearestIsTheMostImportant() {
        for (int j = 0; j < COUNT; j++) {
            double distance = 3 + 0.05 * j;
            logits[j] = (float) (-distance * distance / 2);
            spreads[j] = (float) (1.5 * distance * distance);
        }
        score(0);
        for (int j = 1; j < COUNT; j++) {
            assertTrue(scores[j] < scores[j - 1], scores[j] + " after " + scores[j - 1]);
        }
    }

    /** A key that holds all the weight, or more by rounding, is not taken for a hopeless one. */
    @Test
    void theOnlyKeyOfAnyWeightHasTheHighestScore() {
        Arrays.fill(logits, 0, COUNT, -20);
        Arrays.fill(spreads, 0);
        logits[7] = 1e-3f;
        score(0);
        for (int j = 0; j < COUNT; j++) {
            assertTrue(j == 7 || scores[j] < scores[7], scores[j] + " beside " + scores[7]);
        }
    }

    @Test
    void noScoreIsAnythingButANumber() {
        float[] some = {FarField.EMPTY, -1e20f, -100, 0, 100, 1e20f};
        float[] spread = {0, Float.MIN_VALUE, 1e-6f, 1, 1e10f, Float.MAX_VALUE};
        for (int j = 0; j < COUNT; j++) {
            logits[j] = some[j % some.length];
            spreads[j] = spread[j / some.length % spread.length];
        }
        score(100);
        for (int j = 0; j < COUNT; j++) {
            assertTrue(!Float.isNaN(scores[j]), logits[j] + " with " + spreads[j]);
        }
    }
}
