package dev.kdeformer.cli.bench;

import dev.kdeformer.AttentionGradient;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.BiasGradients;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.PairBias;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Element;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** Compares the gradients of a method by an input's biases and sinks with finite differences. */
final class BiasCheck {
    /** A step that biases of moderate size hold exactly. */
    private static final float STEP = 0x1p-10f;

    private final Engine engine;
    private final AttentionInput input;
    private final Tensor loss;
    private final int elements;
    private final CounterRandom random;
    private final AttentionGradient gradient;

    /**
     * A check of some elements of each bias.
     *
     * @param gradient of the method
     * @param loss     the gradient of the loss by the output
     */
    BiasCheck(Engine engine, AttentionGradient gradient, AttentionInput input, Tensor loss, int elements,
            CounterRandom random) {
        this.engine = engine;
        this.gradient = gradient;
        this.input = input;
        this.loss = loss;
        this.elements = elements;
        this.random = random;
    }

    /**
     * A row for everything of the input that adds to logits and can be learnt; none where there is nothing.
     *
     * @param output what the method gives for the input
     * @param sums   its log-sum-exp
     */
    List<GradientReport.Row> run(Arena arena, Tensor output, Tensor sums) {
        PairBias bias = input.pairBias();
        // Truth values are no parameters.
        List<Tensor> moved = bias == null ? List.of()
                : bias.tensors().stream().filter(tensor -> tensor.element() != Element.BOOL).toList();
        List<Tensor> targets = moved.stream().map(tensor -> Tensor.allocate(arena, tensor.shape())).toList();
        float[] parameters = new float[bias == null ? 0 : bias.parameters()];
        float[] sinks = new float[input.hasSinks() ? input.heads() : 0];
        BiasGradients wanted = BiasGradients.none();
        wanted = targets.size() == 1 ? wanted.withPairs(targets.get(0)) : wanted;
        wanted = targets.size() == 2 ? wanted.withGrid(targets.get(0), targets.get(1)) : wanted;
        wanted = parameters.length > 0 ? wanted.withParameters(parameters) : wanted;
        wanted = sinks.length > 0 ? wanted.withSinks(sinks) : wanted;
        List<GradientReport.Row> rows = new ArrayList<>();
        if (moved.isEmpty() && parameters.length == 0 && sinks.length == 0) {
            return rows;
        }
        gradient.apply(engine, input, output, sums, loss, InputGradients.allocate(arena, input), wanted);
        for (int t = 0; t < moved.size(); t++) {
            rows.add(tensor(moved.size() == 1 ? "pair bias" : t == 0 ? "grid rows" : "grid columns", moved.get(t),
                    targets.get(t)));
        }
        if (parameters.length > 0) {
            rows.add(parameters(parameters));
        }
        if (sinks.length > 0) {
            rows.add(sinks(sinks));
        }
        return rows;
    }

    private GradientReport.Row tensor(String name, Tensor bias, Tensor computed) {
        Shape shape = bias.shape();
        Differences differences = new Differences();
        CounterRandom choice = random.stream(bias.shape().columns());
        for (int i = 0; i < elements; i++) {
            int unit = choice.below(3L * i, shape.batch() * shape.heads());
            int row = choice.below(3L * i + 1, shape.rows());
            int column = choice.below(3L * i + 2, shape.columns());
            Matrix matrix = bias.matrix(unit / shape.heads(), unit % shape.heads());
            float was = matrix.get(row, column);
            double[] at = new double[2];
            double[] losses = new double[2];
            for (int side = 0; side < 2; side++) {
                matrix.set(row, column, side == 0 ? was - STEP : was + STEP);
                at[side] = matrix.get(row, column);
                losses[side] = loss(input);
            }
            matrix.set(row, column, was);
            // What is hidden stays so.
            double difference = at[1] > at[0] ? (losses[1] - losses[0]) / (at[1] - at[0]) : 0;
            differences.add(computed.matrix(unit / shape.heads(), unit % shape.heads()).get(row, column), difference);
        }
        return differences.row(name);
    }

    private GradientReport.Row parameters(float[] computed) {
        Differences differences = new Differences();
        CounterRandom choice = random.stream(4);
        for (int i = 0; i < elements; i++) {
            int parameter = choice.below(i, computed.length);
            double above = loss(input.withPairBias(new Moved(input.pairBias(), parameter, STEP)));
            double below = loss(input.withPairBias(new Moved(input.pairBias(), parameter, -STEP)));
            differences.add(computed[parameter], (above - below) / (2 * STEP));
        }
        return differences.row("bias parameters");
    }

    private GradientReport.Row sinks(float[] computed) {
        Differences differences = new Differences();
        for (int h = 0; h < computed.length; h++) {
            double[] losses = new double[2];
            for (int side = 0; side < 2; side++) {
                float[] sinks = new float[computed.length];
                for (int other = 0; other < sinks.length; other++) {
                    sinks[other] = input.sink(other);
                }
                sinks[h] += side == 0 ? -STEP : STEP;
                losses[side] = loss(input.withSinks(sinks));
            }
            differences.add(computed[h], (losses[1] - losses[0]) / (2 * STEP));
        }
        return differences.row("sinks");
    }

    private double loss(AttentionInput moved) {
        return new FixedLoss(gradient.fixed(engine, moved), moved, loss).loss();
    }

    /** A bias with one of its parameters moved. */
    private record Moved(PairBias bias, int parameter, float step) implements PairBias {
        @Override
        public void fill(Piece piece, float[] target, int stride) {
            bias.fill(piece, target, stride);
            for (int r = 0; r < piece.queries(); r++) {
                for (int c = 0; c < piece.keys(); c++) {
                    if (bias.parameter(piece.head(), piece.query() + r, piece.key() + c) == parameter) {
                        target[r * stride + c] += step;
                    }
                }
            }
        }
    }
}
