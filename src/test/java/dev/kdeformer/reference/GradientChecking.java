package dev.kdeformer.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.tensor.Tensor;
import java.util.function.DoubleSupplier;

/** A forward and a backward call of a method, and what gradients of any method are checked for. */
public record GradientChecking(Tensor output, Tensor sums, Tensor query, Tensor key, Tensor value) {
    /** Runs a method and its gradient. */
    public static GradientChecking run(Engine engine, DifferentiableMethod method, AttentionInput input,
            Tensor outputGradient) {
        TestInputs make = TestInputs.of(1);
        GradientChecking g = new GradientChecking(make.zeros(input.outputShape()),
                make.zeros(input.outputShape().withColumns(1)), make.tensor(input.query().shape(), 9),
                make.tensor(input.key().shape(), 9), make.tensor(input.value().shape(), 9));
        method.apply(engine, input, g.output, g.sums);
        method.gradient().apply(engine, input, g.output, g.sums, outputGradient, g.query, g.key, g.value);
        return g;
    }

    /** Asserts that all gradients are close to those of a reference. */
    public void assertClose(ReferenceGradient exact, double tolerance, String name) {
        assertEquals(0, ReferenceGradient.error(query, exact.query()), tolerance, name + ": dQuery");
        assertEquals(0, ReferenceGradient.error(key, exact.key()), tolerance, name + ": dKey");
        assertEquals(0, ReferenceGradient.error(value, exact.value()), tolerance, name + ": dValue");
    }

    /** The largest relative error of the three gradients. */
    public double error(ReferenceGradient exact) {
        return Math.max(ReferenceGradient.error(query, exact.query()), Math.max(
                ReferenceGradient.error(key, exact.key()), ReferenceGradient.error(value, exact.value())));
    }

    /** Asserts that two runs gave the same bits. */
    public void assertSame(GradientChecking other, String name) {
        assertArrayEquals(query.toArray(), other.query.toArray(), name);
        assertArrayEquals(key.toArray(), other.key.toArray(), name);
        assertArrayEquals(value.toArray(), other.value.toArray(), name);
    }

    /** Central differences of a loss by every element. */
    public static double[][] differences(DoubleSupplier loss, double[][] elements, double step) {
        double[][] differences = new double[elements.length][];
        for (int h = 0; h < elements.length; h++) {
            differences[h] = new double[elements[h].length];
            for (int i = 0; i < elements[h].length; i++) {
                double value = elements[h][i];
                elements[h][i] = value + step;
                double above = loss.getAsDouble();
                elements[h][i] = value - step;
                double below = loss.getAsDouble();
                elements[h][i] = value;
                differences[h][i] = (above - below) / (2 * step);
            }
        }
        return differences;
    }

    /** Asserts that gradients are close to differences, in double precision where there are such and in float32. */
    public static void assertFollows(double[][] differences, double[][] analytic, Tensor x, String name) {
        if (analytic != null) {
            double error = 0;
            double norm = 0;
            for (int h = 0; h < differences.length; h++) {
                for (int i = 0; i < differences[h].length; i++) {
                    error += Math.pow(differences[h][i] - analytic[h][i], 2);
                    norm += analytic[h][i] * analytic[h][i];
                }
            }
            double relative = Math.sqrt(error / norm);
            assertTrue(relative <= 1e-5, () -> name + ", double precision: " + relative);
        }
        double single = ReferenceGradient.error(x, differences);
        assertTrue(single <= 1e-3, () -> name + ", float32: " + single);
    }
}
