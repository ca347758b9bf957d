package dev.kdeformer.pilot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class UnbiasedPilotTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(5);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    static List<TestInputs.Case> unmasked() {
        return TestInputs.unmasked(12).stream().filter(each -> each.input().d() <= 256).toList();
    }

    /** Few exact keys, so that the far part is nearly all; a tree of several levels. */
    private static PilotAttention.Builder coarse() {
        return Attention.pilot().near(16).candidates(1).tile(16).groups(8);
    }

    /** Padding, biases with hidden keys, grouped heads and a rectangle, with values that depend on the keys. */
    private AttentionInput everything() {
        AttentionInput input = make.normal(2, 4, 2, 400, 530, 9, 7);
        for (int h = 0; h < 2; h++) {
            for (int j = 0; j < 530; j++) {
                for (int c = 0; c < 7; c++) {
                    float key = input.key().matrix(0, h).get(j, c);
                    input.value().matrix(0, h).set(j, c, 0.5f * input.value().matrix(0, h).get(j, c) + key);
                }
            }
        }
        return input.withMask(Mask.none().withKeyLengths(530, 333)).withKeyBias(make.bias(Shape.of(1, 2, 1, 530)));
    }

    private double error(PilotAttention method, AttentionInput input) {
        Tensor exact = make.zeros(input.outputShape());
        Tensor output = make.zeros(input.outputShape());
        Attention.exact().build().apply(ENGINE, input, exact);
        method.apply(ENGINE, input, output);
        return ErrorReport.of(ENGINE, output, exact).max().spectral();
    }

    /** The shares of all keys add up to the far field: taking all of them away and adding all keys leaves no error. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4})
    void isExactWhereAllKeysAreDrawn(int rank) {
        AttentionInput input = everything();
        double without = error(coarse().rank(rank).build(), input);
        double with = error(coarse().rank(rank).unbiased(530).build(), input);
        assertTrue(without > 0.01, without + " without");
        assertEquals(0, with, 1e-5);
    }

    @Test
    void isExactWhereAllKeysAreDrawnFromManyGroupsAndFeatures() {
        AttentionInput input = make.normal(1, 1, 1, 700, 1500, 150, 40).withScale(0.06f);
        double without = error(coarse().groups(512).build(), input);
        double with = error(coarse().groups(512).unbiased(1500).build(), input);
        assertTrue(without > 0.003, without + " without");
        assertEquals(0, with, 1e-5);
    }

    @ParameterizedTest
    @MethodSource("unmasked")
    void fewDrawsStayFinite(TestInputs.Case each) {
        AttentionInput input = each.input();
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        Attention.pilot().near(1).candidates(1).tile(2).groups(3).unbiased(2).build().apply(ENGINE, input, output,
                sums);
        for (float x : output.toArray()) {
            assertTrue(Float.isFinite(x), each.name());
        }
        for (float x : sums.toArray()) {
            assertTrue(x < Float.POSITIVE_INFINITY, each.name());
        }
    }

    /** Linear functions of sums of weights and weighted values of all queries, divided by their true values. */
    private final class Functionals {
        private static final int COUNT = 6;
        private final AttentionInput input;
        private final ReferenceAttention exact;
        private final double[][] directions;

        Functionals(AttentionInput input) {
            this.input = input;
            this.exact = ReferenceAttention.of(input);
            SplittableRandom random = new SplittableRandom(23);
            int rows = input.batch() * input.heads() * input.queries();
            directions = new double[COUNT][rows * input.dv()];
            for (int f = 0; f < COUNT; f++) {
                for (int i = 0; i < directions[f].length; i++) {
                    directions[f][i] = f < 2 ? 1 : random.nextGaussian();
                }
            }
        }

        /** What a run has; of exact attention the first half would be the mean of 1, the second that of its output. */
        double[] of(Tensor output, Tensor sums) {
            double[] result = new double[COUNT];
            for (int b = 0; b < input.batch(); b++) {
                for (int h = 0; h < input.heads(); h++) {
                    double[] truth = exact.logSumExp(b, h);
                    for (int i = 0; i < input.queries(); i++) {
                        double weight = Math.exp(sums.matrix(b, h).get(i, 0) - truth[i]);
                        int row = (b * input.heads() + h) * input.queries() + i;
                        for (int f = 0; f < COUNT; f += 2) {
                            result[f] += directions[f][row] * (weight - 1);
                        }
                        for (int c = 0; c < input.dv(); c++) {
                            double error = weight * output.matrix(b, h).get(i, c)
                                    - exact.output(b, h)[i * input.dv() + c];
                            for (int f = 1; f < COUNT; f += 2) {
                                result[f] += directions[f][row * input.dv() + c] * error;
                            }
                        }
                    }
                }
            }
            return result;
        }
    }

    /**
     * The mean over 300 seeds of six functions, three of the sums of weights and three of the weighted values, is
     * their true value within 4 standard errors; chance alone would fail that once in 2,600 choices of the seeds. The
     * expansion alone fails it by far, so that a share that is missing or counted twice would be seen.
     */
    @Test
    void sumsOfWeightsAndValuesHaveTheTrueMean() {
        AttentionInput input = everything();
        Functionals functionals = new Functionals(input);
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        coarse().build().apply(ENGINE, input, output, sums);
        double[] biased = functionals.of(output, sums);
        int seeds = 300;
        double[] mean = new double[Functionals.COUNT];
        double[] square = new double[Functionals.COUNT];
        for (int seed = 0; seed < seeds; seed++) {
            coarse().unbiased(48).seed(seed).build().apply(ENGINE, input, output, sums);
            double[] each = functionals.of(output, sums);
            for (int f = 0; f < each.length; f++) {
                mean[f] += each[f] / seeds;
                square[f] += each[f] * each[f] / seeds;
            }
        }
        int seen = 0;
        for (int f = 0; f < mean.length; f++) {
            double deviation = Math.sqrt((square[f] - mean[f] * mean[f]) / (seeds - 1));
            assertEquals(0, mean[f] / deviation, 4, "function " + f);
            seen += Math.abs(biased[f]) > 8 * deviation ? 1 : 0;
        }
        assertTrue(seen >= 2, seen + " functions see the bias of the expansion");
    }

    @Test
    void varianceFallsWithTheNumberOfDraws() {
        AttentionInput input = everything();
        double before = Double.POSITIVE_INFINITY;
        for (int samples : new int[] {24, 96, 384}) {
            double sum = 0;
            for (int seed = 0; seed < 5; seed++) {
                double error = error(coarse().unbiased(samples).seed(seed).build(), input);
                sum += error * error;
            }
            // A quarter if the draws were independent; half leaves room for chance.
            assertTrue(sum < before / 2, samples + " draws: " + sum + " against " + before);
            before = sum;
        }
    }

    @Test
    void bitsDependOnTheSeedAndNotOnThreads() {
        for (AttentionInput input : List.of(everything(), make.normal(1, 1, 1, 2500, 2100, 16, 12))) {
            float[] first = null;
            for (int threads : new int[] {1, 2, 7}) {
                try (Engine engine = Engine.create(threads)) {
                    Tensor output = make.zeros(input.outputShape());
                    coarse().unbiased(32).seed(9).build().apply(engine, input, output);
                    if (first != null) {
                        assertArrayEquals(first, output.toArray(), threads + " threads");
                    }
                    first = output.toArray();
                }
            }
            Tensor output = make.zeros(input.outputShape());
            coarse().unbiased(32).seed(10).build().apply(ENGINE, input, output);
            assertFalse(Arrays.equals(first, output.toArray()));
        }
    }

    @Test
    void refusesANegativeNumber() {
        assertThrows(IllegalArgumentException.class, () -> Attention.pilot().unbiased(-1));
    }
}
