package dev.kdeformer.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OrtException;
import dev.kdeformer.Attention;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class OnnxTransformerTest {
    @TempDir
    private Path folder;

    private OnnxTransformer open(TestModel model) throws IOException, OrtException {
        return OnnxTransformer.open(model.write(folder.resolve("model.onnx")), OnnxOptions.defaults().withThreads(2)
                .withShortestSequence(0));
    }

    @ParameterizedTest
    @EnumSource
    void agreesWithOnnxRuntime(Patterns pattern) throws IOException, OrtException {
        TestModel model = pattern.model(7);
        try (OnnxTransformer transformer = open(model); Feeds feeds = new Feeds(model.feeds())) {
            for (int repeat = 0; repeat < 2; repeat++) {
                try (OnnxOutputs cut = transformer.run(feeds.tensors());
                        OnnxOutputs uncut = transformer.runUncut(feeds.tensors())) {
                    double difference = Feeds.difference(cut, uncut);
                    assertTrue(difference <= pattern.tolerance(), () -> pattern + ": " + difference);
                }
            }
            List<OnnxAttention> attentions = transformer.attentions();
            assertFalse(attentions.isEmpty());
            for (OnnxAttention attention : attentions) {
                assertEquals(OnnxAttention.Place.HERE, attention.runs(), attention.toString());
                assertEquals(pattern.mask(), attention.mask());
                assertEquals("", attention.reason());
            }
        }
    }

    /** Parts of models that are opened with another number of threads than the first have threads of their own. */
    @Test
    void modelsOfAllNumbersOfThreadsAgree() throws IOException, OrtException {
        TestModel model = Patterns.values()[0].model(9);
        Path file = model.write(folder.resolve("model.onnx"));
        for (int threads = 1; threads <= 3; threads++) {
            OnnxOptions options = OnnxOptions.defaults().withThreads(threads).withShortestSequence(0);
            try (OnnxTransformer transformer = OnnxTransformer.open(file, options);
                    Feeds feeds = new Feeds(model.feeds()); OnnxOutputs cut = transformer.run(feeds.tensors());
                    OnnxOutputs uncut = transformer.runUncut(feeds.tensors())) {
                double difference = Feeds.difference(cut, uncut);
                assertTrue(difference <= Patterns.values()[0].tolerance(), () -> "difference of " + difference);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void agreesWhereOnnxRuntimeComputesTheAttention(Patterns pattern) throws IOException, OrtException {
        TestModel model = pattern.model(8);
        try (OnnxTransformer transformer = open(model); Feeds feeds = new Feeds(model.feeds());
                OnnxOutputs cut = transformer.run(feeds.tensors(), attention -> null, null);
                OnnxOutputs uncut = transformer.runUncut(feeds.tensors())) {
            double difference = Feeds.difference(cut, uncut);
            assertTrue(difference <= pattern.tolerance(), () -> pattern + ": " + difference);
            transformer.attentions().forEach(attention -> assertEquals(OnnxAttention.Place.ALONE, attention.runs()));
        }
    }

    @Test
    void attentionWhoseWeightsAreReadStaysInTheModel() throws IOException, OrtException {
        TestModel model = new TestModel(17, 3);
        Patterns.Layer layer = Patterns.layer(model, 2, 12);
        String weights = model.softmax(model.node("MatMul", layer.q(), model.transpose(layer.k(), 0, 1, 3, 2)), -1);
        model.output(model.node("MatMul", weights, layer.v())).output(weights);
        try (OnnxTransformer transformer = open(model); Feeds feeds = new Feeds(model.feeds());
                OnnxOutputs cut = transformer.run(feeds.tensors());
                OnnxOutputs uncut = transformer.runUncut(feeds.tensors())) {
            assertEquals(0, Feeds.difference(cut, uncut));
            OnnxAttention attention = transformer.attentions().get(0);
            assertEquals(OnnxAttention.Place.IN_MODEL, attention.runs());
            assertEquals("its weights are read by several nodes or are an output", attention.reason());
        }
    }

    @Test
    void shortSequencesRunUncut() throws IOException, OrtException {
        TestModel model = Patterns.SCALED_BEFORE.model(4);
        try (OnnxTransformer transformer = OnnxTransformer.open(model.write(folder.resolve("model.onnx")));
                Feeds feeds = new Feeds(model.feeds())) {
            transformer.run(feeds.tensors()).close();
            assertEquals(40, transformer.attentions().get(0).sizes().queries());
            try (OnnxOutputs outputs = transformer.run(feeds.tensors());
                    OnnxOutputs uncut = transformer.runUncut(feeds.tensors())) {
                assertEquals(0, Feeds.difference(outputs, uncut));
            }
        }
    }

    @Test
    void methodThatTakesNoSuchMaskGivesWayToExact() throws IOException, OrtException {
        TestModel model = Patterns.DENSE_BIAS_CAUSAL.model(6);
        try (OnnxTransformer transformer = open(model); Feeds feeds = new Feeds(model.feeds());
                OnnxOutputs cut = transformer.run(feeds.tensors(), Attention.mean().build());
                OnnxOutputs uncut = transformer.runUncut(feeds.tensors())) {
            assertTrue(Feeds.difference(cut, uncut) <= 3e-6);
            OnnxAttention attention = transformer.attentions().get(0);
            assertEquals(OnnxAttention.Place.HERE, attention.runs());
            assertTrue(attention.reason().startsWith("mean cannot: "), attention.reason());
        }
    }

    @Test
    void observersSeeWhatMethodsDo() throws IOException, OrtException {
        TestModel model = Patterns.TWO_LAYERS_ONE_MASK.model(5);
        try (OnnxTransformer transformer = open(model); Feeds feeds = new Feeds(model.feeds())) {
            StringBuilder seen = new StringBuilder();
            transformer.run(feeds.tensors(), attention -> attention.index() == 0 ? Attention.mean().build() : null,
                    (attention, input, output, statistics, nanos) -> seen.append(attention.index()).append(' ')
                            .append(input.outputShape()).append(' ').append(input.mask()).append(' ')
                            .append(output.shape())).close();
            assertEquals("0 (3, 2, 24, 8) Mask[NONE, keyLengths=[24, 19, 14]] (3, 2, 24, 8)", seen.toString());
            assertEquals(OnnxAttention.Place.ALONE, transformer.attentions().get(1).runs());
        }
    }
}
