package dev.kdeformer.pilot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.Mask;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class PeakedQueriesTest {
    private static final int N = 6000;
    private static final int D = 24;
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(3);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    private static PilotAttention.Builder coarse() {
        return Attention.pilot().near(64).candidates(1);
    }

    /**
     * Non-local means: points that are keys and queries, most of them near a few centres and one in six far from all.
     */
    private AttentionInput means() {
        SplittableRandom random = new SplittableRandom(5);
        float[][] centres = new float[30][D];
        for (float[] centre : centres) {
            for (int c = 0; c < D; c++) {
                centre[c] = (float) random.nextGaussian();
            }
        }
        Tensor points = make.zeros(Shape.of(N, D));
        Tensor biases = make.zeros(Shape.of(1, N));
        for (int i = 0; i < N; i++) {
            double square = 0;
            for (int c = 0; c < D; c++) {
                float x = (float) ((i % 6 == 0 ? 0.9 : 0.35) * random.nextGaussian()) + centres[i % 30][c];
                points.matrix(0, 0).set(i, c, x);
                square += x * x;
            }
            biases.matrix(0, 0).set(0, i, (float) (-0.5 * square / 2));
        }
        return AttentionInput.of(points, points, make.normal(1, 1, 1, 1, N, 1, 1).value()).withScale(0.5f)
                .withKeyBias(biases);
    }

    private float[] output(PilotAttention method, AttentionInput input) {
        Tensor output = make.zeros(input.outputShape());
        method.apply(ENGINE, input, output);
        return output.toArray();
    }

    private double error(PilotAttention method, AttentionInput input) {
        Tensor exact = make.zeros(input.outputShape());
        Attention.exact().build().apply(ENGINE, input, exact);
        Tensor output = make.zeros(input.outputShape());
        method.apply(ENGINE, input, output);
        return ErrorReport.of(ENGINE, output, exact).max().spectral();
    }

    @Test
    void theErrorFallsWithTheSample() {
        AttentionInput input = means();
        double without = error(coarse().build(), input);
        double some = error(coarse().peaked(1024).build(), input);
        double many = error(coarse().peaked(4000).build(), input);
        assertTrue(many < 0.7 * without, many + " against " + without);
        assertTrue(many < 0.7 * some, many + " against " + some);
    }

    @Test
    void onlyPeakedQueriesChange() {
        AttentionInput input = means();
        float[] without = output(coarse().build(), input);
        float[] with = output(coarse().peaked(512).build(), input);
        int changed = 0;
        for (int i = 0; i < N; i++) {
            changed += with[i] != without[i] ? 1 : 0;
        }
        assertTrue(changed > N / 12 && changed <= N / 3, changed + " of " + N);
    }

    @Test
    void nothingChangesWherePositionsDoNotCorrespond() {
        AttentionInput all = means();
        AttentionInput input = AttentionInput.of(all.query().rows(0, N - 1), all.key(), all.value())
                .withScale(all.scale()).withKeyBias(all.keyBias());
        assertArrayEquals(output(coarse().build(), input), output(coarse().peaked(512).build(), input));
    }

    @Test
    void bitsDoNotDependOnThreads() {
        AttentionInput input = means();
        float[] first = output(coarse().peaked(256).seed(4).build(), input);
        for (int threads : new int[] {1, 5}) {
            try (Engine engine = Engine.create(threads)) {
                Tensor output = make.zeros(input.outputShape());
                coarse().peaked(256).seed(4).build().apply(engine, input, output);
                assertArrayEquals(first, output.toArray(), threads + " threads");
            }
        }
        assertFalse(Arrays.equals(first, output(coarse().peaked(256).seed(5).build(), input)));
    }

    @Test
    void estimatesMore() {
        AttentionInput input = means();
        assertTrue(coarse().peaked(512).build().estimate(input, 2).scratchBytes()
                > coarse().build().estimate(input, 2).scratchBytes());
    }

    @Test
    void saysWhatItDoesNotTake() {
        AttentionInput input = means();
        Tensor output = make.zeros(input.outputShape());
        assertEquals("a second pass over peaked queries takes no causal mask, got " + Mask.causal(),
                assertThrows(IllegalArgumentException.class, () -> coarse().peaked(8).build()
                        .apply(ENGINE, input.withMask(Mask.causal()), output)).getMessage());
        assertEquals("peaked must be 0 within an error budget, got 8", assertThrows(IllegalArgumentException.class,
                () -> coarse().peaked(8).budget(ErrorBudget.relativeSpectral(0.1)).build()).getMessage());
        assertThrows(IllegalStateException.class, () -> coarse().peaked(8).build().gradient());
        assertThrows(IllegalArgumentException.class, () -> coarse().peaked(-1));
    }
}
