package dev.kdeformer.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.FixedFunction;
import dev.kdeformer.InputGradients;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;
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
        method.gradient().apply(engine, input, g.output, g.sums, outputGradient, new InputGradients(g.query, g.key,
                g.value));
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

    /**
     * Asserts that a method's output and gradients are those of its fixed function, by central differences.
     *
     * @param tolerance largest difference of outputs
     */
    public static void assertFollows(Engine engine, DifferentiableMethod method, AttentionInput input,
            Tensor outputGradient, double tolerance) {
        FixedFunction function = method.gradient().fixed(engine, input);
        double[][] q = doubles(input.query());
        double[][] k = doubles(input.key());
        double[][] v = doubles(input.value());
        double[][] weights = doubles(outputGradient);
        GradientChecking g = run(engine, method, input, outputGradient);
        double[][] output = doubles(g.output);
        int group = input.groupSize();
        for (int unit = 0; unit < k.length; unit++) {
            double[][] fixed = function.outputs(unit, q, k, v);
            for (int member = 0; member < group; member++) {
                assertArrayEquals(fixed[member], output[unit * group + member], tolerance,
                        "the forward call is another function");
            }
        }
        DoubleSupplier loss = () -> {
            double sum = 0;
            for (int unit = 0; unit < k.length; unit++) {
                double[][] outputs = function.outputs(unit, q, k, v);
                for (int member = 0; member < group; member++) {
                    for (int i = 0; i < outputs[member].length; i++) {
                        sum += outputs[member][i] * weights[unit * group + member][i];
                    }
                }
            }
            return sum;
        };
        assertFollows(differences(loss, q, 1e-5), null, g.query, "dQuery");
        assertFollows(differences(loss, k, 1e-5), null, g.key, "dKey");
        assertFollows(differences(loss, v, 1e-5), null, g.value, "dValue");
    }

    /** The elements of all heads. */
    public static double[][] doubles(Tensor tensor) {
        int heads = tensor.shape().heads();
        double[][] all = new double[tensor.shape().batch() * heads][];
        for (int h = 0; h < all.length; h++) {
            float[] x = tensor.matrix(h / heads, h % heads).toArray();
            all[h] = new double[x.length];
            Arrays.setAll(all[h], i -> x[i]);
        }
        return all;
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
