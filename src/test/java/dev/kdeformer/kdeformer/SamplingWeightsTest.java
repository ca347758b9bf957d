package dev.kdeformer.kdeformer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.linalg.Gram;
import dev.kdeformer.linalg.SymmetricEigen;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SamplingWeightsTest {
    private final TestInputs make = TestInputs.of(12);
    private final Engine engine = Engine.create(2);
    private Team crew;

    @BeforeEach
    void begin() {
        crew = Crews.begin(engine);
    }

    @AfterEach
    void end() {
        Crews.end(engine, crew);
        engine.close();
    }

    private KeyHead head(AttentionInput input) {
        return new Call(input, make.zeros(input.outputShape()), null, crew).keyHead(0);
    }

    private double[] filled(int m, Consumer<Long> fill) {
        long address = crew.scratch().floats(m);
        for (int j = 0; j < m; j++) {
            Memory.putFloat(address + j * 4L, 1);
        }
        fill.accept(address);
        double[] weights = new double[m];
        for (int j = 0; j < m; j++) {
            weights[j] = Memory.getFloat(address + j * 4L);
        }
        return weights;
    }

    private static double[] row(KeyHead head, int key, double[] centre, double constant) {
        double[] row = new double[centre.length + 1];
        for (int c = 0; c < centre.length; c++) {
            row[c] = head.value().get(key, c) - centre[c];
        }
        row[centre.length] = constant;
        return row;
    }

    private static void check(KeyHead head, double[] centre, double constant, double[] weights) {
        Gram gram = new Gram(centre.length + 1);
        for (int j = 0; j < weights.length; j++) {
            System.arraycopy(row(head, j, centre, constant), 0, gram.next(), 0, centre.length + 1);
            gram.add();
        }
        double sigma = Math.sqrt(SymmetricEigen.largest(gram.matrix(), centre.length + 1));
        for (int j = 0; j < weights.length; j++) {
            double squares = 0;
            for (double x : row(head, j, centre, constant)) {
                squares += x * x;
            }
            double expected = Math.sqrt(squares) / sigma + 1.0 / weights.length;
            // Power iteration stops a little below the largest singular value where others are next to it.
            assertEquals(expected, weights[j], 0.02 * expected, "key " + j);
        }
    }

    @ParameterizedTest
    @CsvSource({"1,1", "100,7", "331,64", "512,33"})
    void plainNormsFollowTheFormula(int m, int dv) {
        KeyHead head = head(make.normal(1, 1, 1, 3, m, 4, dv));
        check(head, new double[dv], 1,
                filled(m, at -> ValueNorms.plain(head).fill(0, m, at, crew.scratch())));
    }

    @ParameterizedTest
    @CsvSource({"100,7", "331,64"})
    void centredNormsFollowTheFormula(int m, int dv) {
        AttentionInput input = make.normal(1, 1, 1, 3, m, 4, dv);
        KeyHead head = head(input);
        double[] mean = new double[dv];
        for (int j = 0; j < m; j++) {
            for (int c = 0; c < dv; c++) {
                input.value().matrix(0, 0).set(j, c, input.value().matrix(0, 0).get(j, c) + c);
                mean[c] += input.value().matrix(0, 0).get(j, c) / (double) m;
            }
        }
        double squares = 0;
        for (int j = 0; j < m; j++) {
            for (double x : row(head, j, mean, 0)) {
                squares += x * x / m;
            }
        }
        check(head, mean, Math.sqrt(squares),
                filled(m, at -> ValueNorms.centred(head).fill(0, m, at, crew.scratch())));
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 1e-38, 1e-25, 1, 1e25, 1e31})
    void normsOfAnySizeArePositiveAndFinite(double size) {
        AttentionInput input = make.normal(1, 1, 1, 3, 50, 4, 5);
        AttentionInput scaled = AttentionInput.of(input.query(), input.key(),
                make.tensor(Shape.of(1, 1, 50, 5), size));
        KeyHead head = head(scaled);
        for (ValueNorms norms : new ValueNorms[] {ValueNorms.plain(head), ValueNorms.centred(head)}) {
            for (double weight : filled(50, at -> norms.fill(0, 50, at, crew.scratch()))) {
                assertEquals(0.5, weight, 0.5 - 1e-6);
            }
        }
    }

    @Test
    void theKernelAgreesWithItsScalarReference() {
        for (int dv : new int[] {16, 64, 272}) {
            float[] x = make.tensor(Shape.of(3, dv), 1).toArray();
            float[] centre = make.tensor(Shape.of(1, dv), 1).toArray();
            double expected = ValueNorms.squaresScalar(x, dv, centre);
            assertEquals(expected, ValueNorms.squares(x, dv, centre, new float[64]), 1e-5 * expected);
        }
    }

    /** With a single query every drawn row is that query's softmax. */
    @ParameterizedTest
    @ValueSource(ints = {1, 37, 1500})
    void columnMassOfASingleQueryIsItsSoftmax(int m) {
        AttentionInput normal = make.normal(1, 1, 1, 1, m, 9, 1).withKeyBias(make.bias(Shape.of(1, m)));
        // The output of unit vectors as values is the softmax itself; here one value stands for one key at a time.
        double[] softmax = new double[m];
        double mean = 0;
        for (int j = 0; j < m; j++) {
            Tensor value = make.zeros(Shape.of(m, 1));
            value.matrix(0, 0).set(j, 0, 1);
            if (m > 100 && j % 100 != 3) {
                continue;
            }
            AttentionInput unit = AttentionInput.of(normal.query(), normal.key(), value).withKeyBias(normal.keyBias());
            softmax[j] = ReferenceAttention.of(unit).output(0, 0)[0];
        }
        float[] centre = make.tensor(Shape.of(1, 9), 1).toArray();
        double[] weights = filled(m, at -> ColumnMass.multiply(head(normal), normal.scale(), centre,
                CounterRandom.of(1), crew, at));
        for (int j = 0; j < m; j++) {
            mean += (weights[j] - 1) / m;
            if (softmax[j] > 0) {
                // The mean of the softmax is 1/m, so the constant that gives the masses half of the sum is m.
                assertEquals(1 + m * softmax[j], weights[j], 1e-4 * weights[j], "key " + j);
            }
        }
        assertEquals(1, mean, 1e-4);
    }

    @Test
    void columnMassLeavesKeysOutThatMustNotBeDrawn() {
        AttentionInput input = make.normal(1, 2, 1, 20, 40, 9, 1);
        double[] weights = filled(40, at -> {
            for (int j = 10; j < 30; j++) {
                Memory.putFloat(at + j * 4L, 0);
            }
            ColumnMass.multiply(head(input), 1, new float[9], CounterRandom.of(1), crew, at);
        });
        for (int j = 0; j < 40; j++) {
            assertEquals(j < 10 || j >= 30, weights[j] >= 1);
            assertEquals(j >= 10 && j < 30, weights[j] == 0);
        }
        double[] none = filled(40, at -> {
            Memory.fillFloats(at, 40, 0);
            ColumnMass.multiply(head(input), 1, new float[9], CounterRandom.of(1), crew, at);
        });
        for (double weight : none) {
            assertEquals(0, weight);
        }
    }
}
