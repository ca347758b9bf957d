package dev.kdeformer.method;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.BiasGradients;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.PairBias;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Element;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Argument checks of gradients, made before anything is computed or written. */
public final class GradientChecks {
    /** Largest gradient that leaves room for a rescaling by the softmax scale in float32. */
    private static final double LARGEST = 0x1p120;

    /** Most rows and columns of a grid: sums of as many queries as are computed at a time fit into an array. */
    private static final int MOST_PLACES = 1 << 16;

    private final AttentionInput input;
    private final Tensor output;
    private final Tensor logSumExp;
    private final Tensor outputGradient;

    /** Checks of a call with these tensors to read. */
    public GradientChecks(AttentionInput input, Tensor output, Tensor logSumExp, Tensor outputGradient) {
        this.input = Objects.requireNonNull(input, "input");
        this.output = Objects.requireNonNull(output, "output");
        this.logSumExp = Objects.requireNonNull(logSumExp, "logSumExp");
        this.outputGradient = Objects.requireNonNull(outputGradient, "outputGradient");
    }

    /**
     * Checks everything but the elements.
     *
     * @throws IllegalArgumentException if a shape does not fit, or memory that is written overlaps other memory or is
     *                                  read-only
     * @throws IllegalStateException    if an arena is closed
     */
    public void tensors(Engine engine, InputGradients gradients) {
        Objects.requireNonNull(engine, "engine");
        Tensor dQuery = gradients.dQuery();
        Tensor dKey = gradients.dKey();
        Tensor dValue = gradients.dValue();
        Checks.shape("output", output, input.outputShape());
        Checks.shape("logSumExp", logSumExp, input.outputShape().withColumns(1));
        Checks.logSumExp(logSumExp);
        Checks.shape("outputGradient", outputGradient, input.outputShape());
        Checks.shape("dQuery", dQuery, input.query().shape());
        Checks.shape("dKey", dKey, input.key().shape());
        Checks.shape("dValue", dValue, input.value().shape());
        Checks.usable("query", input.query(), engine);
        Checks.usable("key", input.key(), engine);
        Checks.usable("value", input.value(), engine);
        if (input.keyBias() != null) {
            Checks.usable("key bias", input.keyBias(), engine);
        }
        Checks.usable("output", output, engine);
        Checks.usable("logSumExp", logSumExp, engine);
        Checks.usable("outputGradient", outputGradient, engine);
        written("dQuery", dQuery, engine);
        written("dKey", dKey, engine);
        written("dValue", dValue, engine);
        Checks.apart("dKey", dKey, "dQuery", dQuery);
        Checks.apart("dValue", dValue, "dQuery", dQuery);
        Checks.apart("dValue", dValue, "dKey", dKey);
    }

    /**
     * Checks what receives gradients by biases.
     *
     * @throws IllegalArgumentException if it does not fit the input
     */
    void biases(Engine engine, BiasGradients biases, InputGradients others) {
        if (biases.pairs() != null) {
            PairBias.of(biases.pairs()).check(input.batch(), input.heads(), input.queries(), input.keys());
        }
        if (biases.rows() != null) {
            PairBias.decomposed(biases.rows(), biases.columns()).check(input.batch(), input.heads(), input.queries(),
                    input.keys());
            int places = biases.rows().shape().columns() + biases.columns().shape().columns();
            if (places > MOST_PLACES) {
                throw new IllegalArgumentException("gradient by a grid takes a height and a width of at most "
                        + MOST_PLACES + " together, got " + places);
            }
        }
        List<Tensor> before = new ArrayList<>(others.tensors());
        for (Tensor target : biases.tensors()) {
            String name = target == biases.pairs() ? "gradient by pairs"
                    : "gradient by " + (target == biases.rows() ? "rows" : "columns") + " of a grid";
            if (target.element() != Element.FLOAT32) {
                throw new IllegalArgumentException(name + " must be of FLOAT32, got " + target.element());
            }
            written(name, target, engine);
            for (Tensor other : before) {
                Checks.apart(name, target, "another gradient", other);
            }
            before.add(target);
        }
        int parameters = input.pairBias() == null ? 0 : input.pairBias().parameters();
        if (biases.parameters() != null && (parameters == 0 || biases.parameters().length != parameters)) {
            throw new IllegalArgumentException("gradient by parameters must have as many numbers as the bias per pair"
                    + " has parameters, " + parameters + ", got " + biases.parameters().length);
        }
        if (biases.sinks() != null && (!input.hasSinks() || biases.sinks().length != input.heads())) {
            throw new IllegalArgumentException("gradient by sinks needs an input with sinks and a number for each of"
                    + " the " + input.heads() + " heads, got " + biases.sinks().length + " numbers for "
                    + (input.hasSinks() ? input.heads() : 0) + " sinks");
        }
    }

    private void written(String name, Tensor tensor, Engine engine) {
        Checks.usable(name, tensor, engine);
        Checks.writable(name, tensor);
        Checks.apart(name, tensor, input);
        Checks.apart(name, tensor, "output", output);
        Checks.apart(name, tensor, "logSumExp", logSumExp);
        Checks.apart(name, tensor, "outputGradient", outputGradient);
    }

    /**
     * Checks the elements.
     *
     * @throws IllegalArgumentException if one is not finite (a log-sum-exp may be −∞), or gradients might exceed what
     *                                  float32 holds
     */
    public void elements(Team team) {
        Checks.Largest largest = Checks.largest(team, input);
        double q = largest.query();
        double k = largest.key();
        double v = largest.value();
        double o = Checks.largest(team, "output", output, null);
        double g = Checks.largest(team, "outputGradient", outputGradient, null);
        // Weights of a query sum to 1, so a slope is at most twice the largest product of a gradient and a value.
        double slope = g * input.dv() * (Math.max(v, o) + v);
        double rows = (double) input.queries() * input.groupSize();
        double bound = Math.max(1, Math.abs(input.scale())) * Math.max(slope * Math.max(rows * q, 2 * k), rows * g);
        if (!(bound < LARGEST)) {
            throw new IllegalArgumentException("gradients may exceed what float32 holds: largest |outputGradient| "
                    + (float) g + ", |value| " + (float) v + ", |query| " + (float) q + ", |key| " + (float) k
                    + ", scale " + input.scale() + "; the bound of their products must stay below 1e36");
        }
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                Matrix sums = logSumExp.matrix(b, h);
                for (int i = 0; i < sums.rows(); i++) {
                    float x = sums.get(i, 0);
                    if (Float.isNaN(x) || x == Float.POSITIVE_INFINITY) {
                        throw new IllegalArgumentException("logSumExp must be finite or -Infinity, got " + x
                                + " at (batch " + b + ", head " + h + ", row " + i + ")");
                    }
                }
            }
        }
    }
}
