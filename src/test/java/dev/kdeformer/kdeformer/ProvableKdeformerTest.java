package dev.kdeformer.kdeformer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.kde.Estimator;
import dev.kdeformer.reference.EmbeddedData;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class ProvableKdeformerTest {
    private static final Engine ENGINE = Engine.create(2);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    static List<TestInputs.Case> cases() {
        return TestInputs.all(7).stream().filter(each -> !each.input().mask().isCausal()).toList();
    }

    private static AttentionInput real(int rows) {
        return AttentionInput.of(EmbeddedData.load("minilm-512.layer2.q", 1, rows),
                EmbeddedData.load("minilm-512.layer2.k", 1, rows), EmbeddedData.load("minilm-512.layer2.v", 1, rows));
    }

    private static AttentionMethod.Statistics run(ProvableKdeformer.Builder method, AttentionInput input,
            Tensor output) {
        return method.build().apply(ENGINE, input, output);
    }

    private static Tensor output(AttentionInput input) {
        return Tensor.allocate(Arena.ofAuto(), input.outputShape());
    }

    @ParameterizedTest
    @EnumSource
    void rowSumsOfRealDataAreWithinAThirdOfEpsilon(Estimator estimator) {
        AttentionInput input = AttentionInput.of(EmbeddedData.load("e5-pool16384.layer11.q", 0, 200),
                EmbeddedData.load("e5-pool16384.layer11.k", 0, 2000),
                EmbeddedData.load("e5-pool16384.layer11.v", 0, 2000));
        double[] exact = ReferenceAttention.of(input).logSumExp(0, 0);
        for (int seed = 0; seed < 3; seed++) {
            Tensor logSumExp = Tensor.allocate(Arena.ofAuto(), input.outputShape().withColumns(1));
            Attention.provable().epsilon(0.3).estimator(estimator).seed(seed).build()
                    .apply(ENGINE, input, output(input), logSumExp);
            for (int i = 0; i < exact.length; i++) {
                assertEquals(1, Math.exp(logSumExp.matrix(0, 0).get(i, 0) - exact[i]), 0.1);
            }
        }
    }

    @Test
    void theBoundHoldsForNinetyFiveOfAHundredSeeds() {
        AttentionInput input = real(128);
        ReferenceAttention exact = ReferenceAttention.of(input);
        double[][] p = SpectralNorms.softmax(input, exact, 0, 0);
        double bound = SpectralNorms.norm(p) * SpectralNorms.norm(SpectralNorms.values(input, 0, 0, p));
        int held = 0;
        for (int seed = 0; seed < 100; seed++) {
            Tensor output = output(input);
            run(Attention.provable().epsilon(0.4).seed(seed), input, output);
            held += SpectralNorms.norm(SpectralNorms.difference(exact, 0, 0, output)) <= 0.4 * bound ? 1 : 0;
        }
        assertTrue(held >= 95, held + " of 100");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theBoundHoldsForEveryShapeMaskAndBias(TestInputs.Case each) {
        AttentionInput input = each.input();
        ReferenceAttention exact = ReferenceAttention.of(input);
        Tensor output = output(input);
        run(Attention.provable().epsilon(0.5).failureProbability(0.01), input, output);
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                double[][] p = SpectralNorms.softmax(input, exact, b, h);
                double bound = SpectralNorms.norm(p) * SpectralNorms.norm(SpectralNorms.values(input, b, h, p));
                double error = SpectralNorms.norm(SpectralNorms.difference(exact, b, h, output));
                assertTrue(error <= 0.5 * bound + 1e-30, error + " above " + 0.5 * bound);
            }
        }
    }

    @Test
    void theErrorFallsWithTheRootOfTheDraws() {
        AttentionInput input = real(256);
        ReferenceAttention exact = ReferenceAttention.of(input);
        double[] x = new double[5];
        double[] y = new double[5];
        for (int k = 0; k < x.length; k++) {
            int samples = 64 << 2 * k;
            x[k] = Math.log(samples);
            double squares = 0;
            for (int seed = 0; seed < 12; seed++) {
                Tensor output = output(input);
                run(Attention.provable().samples(samples).epsilon(0.1).seed(1000 * k + seed), input, output);
                squares += Math.pow(SpectralNorms.norm(SpectralNorms.difference(exact, 0, 0, output)), 2);
            }
            y[k] = 0.5 * Math.log(squares);
        }
        assertEquals(-0.5, slope(x, y), 0.04);
    }

    private static double slope(double[] x, double[] y) {
        double meanX = java.util.Arrays.stream(x).average().orElseThrow();
        double meanY = java.util.Arrays.stream(y).average().orElseThrow();
        double products = 0;
        double squares = 0;
        for (int i = 0; i < x.length; i++) {
            products += (x[i] - meanX) * (y[i] - meanY);
            squares += (x[i] - meanX) * (x[i] - meanX);
        }
        return products / squares;
    }

    @Test
    void theSampledProductIsUnbiased() {
        AttentionInput input = real(96);
        ReferenceAttention exact = ReferenceAttention.of(input);
        int seeds = 400;
        double[][] sum = new double[input.queries()][input.dv()];
        double squares = 0;
        for (int seed = 0; seed < seeds; seed++) {
            Tensor output = output(input);
            run(Attention.provable().samples(40).seed(seed), input, output);
            double[][] difference = SpectralNorms.difference(exact, 0, 0, output);
            for (int i = 0; i < sum.length; i++) {
                for (int c = 0; c < sum[i].length; c++) {
                    sum[i][c] += difference[i][c] / seeds;
                    squares += difference[i][c] * difference[i][c] / seeds;
                }
            }
        }
        double mean = 0;
        for (double[] row : sum) {
            for (double each : row) {
                mean += each * each;
            }
        }
        // The squared norm of a mean of independent errors without bias is a part of 1/seeds of their squared norm.
        assertEquals(1 / (double) seeds, mean / squares, 0.6 / seeds);
    }

    @ParameterizedTest
    @EnumSource
    void threadsDoNotChangeABit(Estimator estimator) {
        AttentionInput input = AttentionInput.of(EmbeddedData.load("minilm-512.layer0.q").rows(0, 300),
                EmbeddedData.load("minilm-512.layer0.k").rows(0, 300),
                EmbeddedData.load("minilm-512.layer0.v").rows(0, 300));
        ProvableKdeformer method = Attention.provable().estimator(estimator).seed(3).build();
        Tensor one = output(input);
        Tensor three = output(input);
        try (Engine single = Engine.create(1); Engine triple = Engine.create(3)) {
            String note = method.apply(single, input, one).note();
            assertEquals(note, method.apply(triple, input, three).note());
        }
        assertArrayEquals(one.toArray(), three.toArray());
    }

    @Test
    void saysWhatItClaims() {
        AttentionInput input = real(128);
        ReferenceAttention exact = ReferenceAttention.of(input);
        double[][] p = SpectralNorms.softmax(input, exact, 0, 0);
        String note = run(Attention.provable().epsilon(0.4), input, output(input)).note();
        String start = "operator norm of the error at most ε·‖P‖·‖V‖ = 0.400·";
        assertTrue(note.startsWith(start) && note.contains("with probability 0.95: "), note);
        double norm = Double.parseDouble(note.substring(start.length(), note.indexOf('·', start.length())));
        assertTrue(norm <= SpectralNorms.norm(p) * 1.005 && norm > 0.9 * SpectralNorms.norm(p), norm + " instead of "
                + SpectralNorms.norm(p));
        String few = run(Attention.provable().epsilon(0.4).samples(50), input, output(input)).note();
        assertTrue(few.contains(": 50 draws of 128 keys"), few);
    }

    @Test
    void refusesWhatItCannotDo() {
        AttentionInput causal = real(64).withMask(Mask.causal());
        assertTrue(assertThrows(IllegalArgumentException.class, () -> run(Attention.provable(), causal,
                output(causal))).getMessage().startsWith("method provable takes no causal mask"));
        AttentionInput normal = TestInputs.of(1).normal(1, 1, 1, 1, 1000, 64, 64);
        AttentionInput input = AttentionInput.of(normal.key(), normal.key(), normal.value()).withScale(1);
        String message = assertThrows(IllegalArgumentException.class,
                () -> run(Attention.provable().epsilon(0.01), input, output(input))).getMessage();
        assertTrue(message.startsWith("epsilon must be large enough for 134217728 draws, got 0.01"), message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "epsilon must be between 0.01 and 1, got NaN              | NaN | 0.1 | 0",
        "epsilon must be between 0.01 and 1, got 0.0              | 0   | 0.1 | 0",
        "failureProbability must be between 0.001 and 0.5, got 0.6 | 0.1 | 0.6 | 0",
        "samples must not be negative, got -1                     | 0.1 | 0.1 | -1"})
    void badOptionsAreNamed(String message, double epsilon, double failure, int samples) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, () -> Attention.provable().epsilon(epsilon)
                .failureProbability(failure).samples(samples)).getMessage());
    }
}
