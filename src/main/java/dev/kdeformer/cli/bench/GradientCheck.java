package dev.kdeformer.cli.bench;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionGradient;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Times;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** Computes gradients of a method, times them, and compares some of their elements with finite differences. */
public final class GradientCheck {
    private static final double STEP = 1e-4;

    private final Engine engine;
    private final DifferentiableMethod method;
    private final NamedInput named;
    private final AttentionInput input;
    private final int elements;
    private final CounterRandom random;
    private final double tolerance;

    /** Prepares a check of a method's gradients at some elements. */
    public GradientCheck(Engine engine, DifferentiableMethod method, NamedInput named, int elements, long seed,
            double tolerance) {
        this.engine = engine;
        this.method = method;
        this.named = named;
        this.input = named.input();
        this.elements = elements;
        this.random = CounterRandom.of(seed);
        this.tolerance = tolerance;
    }

    /** Computes the gradients, times them, and compares them with differences. */
    public GradientReport run(Progress progress, TurnsOptions turns) {
        AttentionGradient gradient = method.gradient();
        Machine.requireMemory(4.0 * named.bytes() + gradient.estimate(input, engine.threads()).scratchBytes(),
                "this run");
        try (Arena arena = Arena.ofShared()) {
            Tensor output = Tensor.allocate(arena, input.outputShape());
            Tensor sums = Tensor.allocate(arena, input.outputShape().withColumns(1));
            Tensor loss = normal(Tensor.allocate(arena, input.outputShape()));
            InputGradients gradients = InputGradients.allocate(arena, input);
            List<Runnable> calls = List.of(() -> method.apply(engine, input, output, sums),
                    () -> gradient.apply(engine, input, output, sums, loss, gradients));
            for (Runnable call : calls) {
                progress.stage("warming up");
                Turns.warmUp(call, turns.warmUpSeconds());
            }
            progress.stage("timing");
            List<Times> times = Turns.take(calls, turns.rounds(), index -> { });
            progress.stage("moving elements");
            FixedLoss plain = new FixedLoss(gradient.fixed(engine, input), input, loss);
            List<GradientReport.Row> rows = new ArrayList<>();
            String[] names = {"query", "key", "value"};
            for (int t = 0; t < names.length; t++) {
                rows.add(check(names[t], t, gradients.tensors().get(t), plain));
            }
            if (!method.name().equals(Methods.EXACT)) {
                progress.stage("exact gradients");
                againstExact(arena, loss, gradients.tensors(), rows);
            }
            progress.stage("moving biases");
            rows.addAll(new BiasCheck(engine, gradient, input, loss, elements, random.stream(5))
                    .run(arena, output, sums));
            return new GradientReport(method, named, engine.threads(), rows, times, tolerance);
        }
    }

    /** Adds how far the gradients are from those of exact attention. */
    private void againstExact(Arena arena, Tensor loss, List<Tensor> gradients, List<GradientReport.Row> rows) {
        DifferentiableMethod exact = Attention.exact().build();
        Tensor output = Tensor.allocate(arena, input.outputShape());
        Tensor sums = Tensor.allocate(arena, input.outputShape().withColumns(1));
        InputGradients exactGradients = InputGradients.allocate(arena, input);
        exact.apply(engine, input, output, sums);
        exact.gradient().apply(engine, input, output, sums, loss, exactGradients);
        for (int t = 0; t < rows.size(); t++) {
            rows.set(t, rows.get(t).withFromExact(distance(gradients.get(t), exactGradients.tensors().get(t))));
        }
    }

    private static double distance(Tensor close, Tensor exact) {
        double error = 0;
        double norm = 0;
        for (int b = 0; b < exact.shape().batch(); b++) {
            for (int h = 0; h < exact.shape().heads(); h++) {
                Matrix x = close.matrix(b, h);
                Matrix y = exact.matrix(b, h);
                for (int row = 0; row < y.rows(); row++) {
                    for (int c = 0; c < y.columns(); c++) {
                        double difference = (double) x.get(row, c) - y.get(row, c);
                        error += difference * difference;
                        norm += (double) y.get(row, c) * y.get(row, c);
                    }
                }
            }
        }
        return error == 0 ? 0 : Math.sqrt(error / norm);
    }

    /** Fills a tensor with independent standard normal elements: the gradient of the loss by the output. */
    private Tensor normal(Tensor tensor) {
        CounterRandom elementsOf = random.stream(3);
        long at = 0;
        for (int unit = 0; unit < input.batch() * input.heads(); unit++) {
            Matrix matrix = tensor.matrix(unit / input.heads(), unit % input.heads());
            for (int row = 0; row < input.queries(); row++) {
                for (int c = 0; c < input.dv(); c++) {
                    matrix.set(row, c, (float) elementsOf.gaussian(at++));
                }
            }
        }
        return tensor;
    }

    private GradientReport.Row check(String name, int which, Tensor gradient, FixedLoss plain) {
        int heads = gradient.shape().heads();
        int columns = gradient.shape().columns();
        CounterRandom choice = random.stream(which);
        Differences differences = new Differences();
        for (int i = 0; i < elements; i++) {
            int unit = choice.below(3L * i, gradient.shape().batch() * heads);
            int row = choice.below(3L * i + 1, gradient.shape().rows());
            int column = choice.below(3L * i + 2, columns);
            double difference = plain.difference(which, unit, row * columns + column, STEP);
            double computed = gradient.matrix(unit / heads, unit % heads).get(row, column);
            differences.add(computed, difference);
        }
        return differences.row(name);
    }
}
