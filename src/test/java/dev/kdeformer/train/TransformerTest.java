package dev.kdeformer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TransformerTest {
    private static final ModelShape DECODER = new ModelShape(2, 64, new ModelShape.Heads(4, 2, 32, 1000), 96,
            32, 0);
    private static final ModelShape ENCODER = new ModelShape(2, 64, new ModelShape.Heads(2, 1, 32, 1000), 96,
            32, 32);

    static Stream<ModelShape> shapes() {
        return Stream.of(DECODER, ENCODER);
    }

    private static Batch batch(ModelShape shape, int sequences, int length) {
        SplittableRandom random = new SplittableRandom(3);
        int[] tokens = random.ints((long) sequences * length, 0, shape.vocabulary()).toArray();
        int[] targets = random.ints(shape.isDecoder() ? tokens.length : sequences,
                0, shape.isDecoder() ? shape.vocabulary() : shape.classes()).toArray();
        int[] lengths = null;
        if (shape.isDecoder()) {
            targets[2] = -1;
        } else {
            lengths = random.ints(sequences, 3, length + 1).toArray();
        }
        return new Batch(sequences, length, tokens, targets, lengths);
    }

    /** Larger weights than at the start of a training, so that attention is not flat. */
    private static void fill(Transformer model) {
        SplittableRandom random = new SplittableRandom(5);
        for (Parameter parameter : model.parameters().all()) {
            double deviation = parameter.decays() ? 1.5 / Math.sqrt(parameter.rows()) : 0.3;
            for (int i = 0; i < parameter.size(); i++) {
                parameter.value()[i] = (float) ((parameter.decays() ? 0 : 1) + deviation * random.nextGaussian());
            }
        }
        model.pack();
    }

    private static Map<String, double[]> weights(Transformer model) {
        Map<String, double[]> weights = new HashMap<>();
        for (Parameter parameter : model.parameters().all()) {
            double[] values = new double[parameter.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = parameter.value()[i];
            }
            weights.put(parameter.name(), values);
        }
        return weights;
    }

    private static ModelAttention exact(Engine engine, ModelShape shape) {
        return ModelAttention.same(engine, Attention.exact().build(), shape.layers());
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void aJudgementBetweenStepsUsesTheirMemoryAndChangesNothing(ModelShape shape) {
        Batch step = batch(shape, 8, 256);
        Batch judged = batch(shape, 2, 96);
        try (Engine engine = Engine.create(1); Transformer model = new Transformer(shape, engine, 1 << 20)) {
            fill(model);
            ModelAttention attention = exact(engine, shape);
            double expected = model.loss(judged, attention);
            double first = model.addGradients(step, attention);
            assertEquals(expected, model.loss(judged, attention));
            assertEquals(first, model.addGradients(step, attention));
            Object memory = model.memory();
            model.loss(judged, attention);
            assertSame(memory, model.memory());
            model.addGradients(step, attention);
            assertSame(memory, model.memory());
        }
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void gradientsFollowFiniteDifferences(ModelShape shape) {
        Batch batch = batch(shape, 3, 13);
        try (Engine engine = Engine.create(2); Transformer model = new Transformer(shape, engine, 1000)) {
            fill(model);
            double loss = model.addGradients(batch, exact(engine, shape)) / batch.asked();
            Map<String, double[]> weights = weights(model);
            PlainTransformer plain = new PlainTransformer(shape, weights);
            assertEquals(plain.loss(batch), loss, 1e-5 * loss);
            SplittableRandom random = new SplittableRandom(7);
            for (Parameter parameter : model.parameters().all()) {
                double square = 0;
                for (float g : parameter.gradient()) {
                    square += (double) g * g;
                }
                double typical = Math.sqrt(square / parameter.size());
                assertTrue(typical > 0, parameter.name());
                for (int i = 0; i < 6; i++) {
                    int at = random.nextInt(parameter.size());
                    double difference = difference(plain, weights.get(parameter.name()), at, batch);
                    assertEquals(difference, parameter.gradient()[at], 1e-4 * (typical + Math.abs(difference)),
                            parameter.name() + " " + at);
                }
            }
        }
    }

    private static double difference(PlainTransformer plain, double[] values, int at, Batch batch) {
        double kept = values[at];
        double step = 1e-5;
        values[at] = kept + step;
        double up = plain.loss(batch);
        values[at] = kept - step;
        double down = plain.loss(batch);
        values[at] = kept;
        return (up - down) / (2 * step);
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void bitsDependNeitherOnThreadsNorOnWhatIsComputedAgain(ModelShape shape) {
        Batch batch = batch(shape, 2, 150);
        float[][] expected = null;
        for (int[] choice : new int[][] {{1, 1000}, {3, 1000}, {2, 0}}) {
            try (Engine engine = Engine.create(choice[0]); Transformer model = new Transformer(shape, engine,
                    choice[1])) {
                fill(model);
                ModelAttention attention = exact(engine, shape);
                double loss = model.addGradients(batch, attention);
                float[][] gradients = model.parameters().all().stream().map(Parameter::gradient)
                        .toArray(float[][]::new);
                expected = expected == null ? gradients : expected;
                for (int i = 0; i < gradients.length; i++) {
                    assertArrayEquals(expected[i], gradients[i], model.parameters().all().get(i).name());
                }
                assertEquals(loss, model.loss(batch, attention));
            }
        }
    }

    @Test
    void everyMethodWithGradientsTrains() {
        Text text = new Text("to train is to see again; ".repeat(40).getBytes());
        ModelShape shape = new ModelShape(1, 64, new ModelShape.Heads(2, 1, 32, 1000), 64, 256, 0);
        for (AttentionMethod method : List.of(Attention.exact().build(), Attention.kdeformer().build(),
                Attention.hyper().build(), Attention.pilot().build())) {
            try (Engine engine = Engine.create(2); Transformer model = new Transformer(shape, engine, 1 << 20)) {
                model.initialise(1);
                ModelAttention attention = ModelAttention.same(engine, method, 1);
                AdamW optimiser = new AdamW(model.parameters().all());
                double first = 0;
                double last = 0;
                for (int step = 0; step < 12; step++) {
                    Batch batch = text.draw(1, step, 2, 128);
                    model.parameters().clearGradients();
                    last = model.addGradients(batch, attention) / batch.asked();
                    first = step == 0 ? last : first;
                    optimiser.step(model.team(), 5e-3);
                    model.pack();
                }
                assertTrue(last < 0.7 * first, method.name() + ": " + first + " to " + last);
            }
        }
    }
}
