package dev.kdeformer.cli;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** Computes gradients of exact attention, times them, and compares some of their elements with finite differences. */
final class GradientCheck {
    private static final double STEP = 1e-4;

    private final Engine engine;
    private final NamedInput named;
    private final AttentionInput input;
    private final int elements;
    private final CounterRandom random;
    private final double tolerance;

    GradientCheck(Engine engine, NamedInput named, int elements, long seed, double tolerance) {
        this.engine = engine;
        this.named = named;
        this.input = named.input();
        this.elements = elements;
        this.random = CounterRandom.of(seed);
        this.tolerance = tolerance;
    }

    GradientReport run(Progress progress, int repeat, double warmUpSeconds) {
        Machine.requireMemory(4.0 * named.bytes() + Attention.exactGradient().build()
                .estimate(input, engine.threads()).scratchBytes(), "this run");
        try (Arena arena = Arena.ofShared()) {
            Tensor output = Tensor.allocate(arena, input.outputShape());
            Tensor sums = Tensor.allocate(arena, input.outputShape().withColumns(1));
            Tensor loss = normal(Tensor.allocate(arena, input.outputShape()));
            List<Tensor> gradients = List.of(Tensor.allocate(arena, input.query().shape()),
                    Tensor.allocate(arena, input.key().shape()), Tensor.allocate(arena, input.value().shape()));
            List<Runnable> calls = List.of(() -> Attention.exact().build().apply(engine, input, output, sums),
                    () -> Attention.exactGradient().build().apply(engine, input, output, sums, loss, gradients.get(0),
                            gradients.get(1), gradients.get(2)));
            for (Runnable call : calls) {
                progress.stage("warming up");
                Turns.warmUp(call, warmUpSeconds);
            }
            progress.stage("timing");
            List<Turns.Times> times = Turns.take(calls, repeat, index -> { });
            progress.stage("moving elements");
            PlainLoss plain = new PlainLoss(input, loss);
            List<GradientReport.Row> rows = new ArrayList<>();
            String[] names = {"query", "key", "value"};
            for (int t = 0; t < names.length; t++) {
                rows.add(check(names[t], t, gradients.get(t), plain));
            }
            return new GradientReport(named, engine.threads(), rows, times, tolerance);
        }
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

    private GradientReport.Row check(String name, int which, Tensor gradient, PlainLoss plain) {
        int heads = gradient.shape().heads();
        int columns = gradient.shape().columns();
        CounterRandom choice = random.stream(which);
        double error = 0;
        double norm = 0;
        double largest = 0;
        for (int i = 0; i < elements; i++) {
            int unit = choice.below(3L * i, gradient.shape().batch() * heads);
            int row = choice.below(3L * i + 1, gradient.shape().rows());
            int column = choice.below(3L * i + 2, columns);
            double difference = plain.difference(which, unit, row * columns + column, STEP);
            double computed = gradient.matrix(unit / heads, unit % heads).get(row, column);
            error += (computed - difference) * (computed - difference);
            norm += difference * difference;
            largest = Math.max(largest, Math.abs(computed - difference));
        }
        return new GradientReport.Row(name, elements, norm == 0 ? Math.sqrt(error) : Math.sqrt(error / norm), largest);
    }
}
