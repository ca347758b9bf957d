package dev.kdeformer.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.kdeformer.Attention;
import dev.kdeformer.langchain4j.LongEmbeddingModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Real models, which {@code src/test/scripts/models.sh} fetches. */
@EnabledIfSystemProperty(named = "kdeformer.models", matches = ".+",
        disabledReason = "src/test/scripts/models.sh runs it")
class RealModelsTest {
    private static final OnnxOptions OPTIONS = OnnxOptions.defaults().withShortestSequence(0);

    private static Path model(String name) {
        Path file = Path.of(System.getProperty("kdeformer.models"), name);
        assumeTrue(Files.exists(file), file + " is not there");
        return file;
    }

    private enum Padding { NONE, LEFT, RIGHT }

    /** Tokens, mask and types of sentences that are each a fifth shorter than the one before. */
    private static Map<String, TestModel.Feed> tokens(int batch, int n, Padding padding) {
        SplittableRandom random = new SplittableRandom(n);
        long[] ids = random.longs((long) batch * n, 1000, 20_000).toArray();
        long[] mask = new long[batch * n];
        for (int b = 0; b < batch; b++) {
            int length = padding == Padding.NONE ? n : n - b * n / 5;
            int first = b * n + (padding == Padding.LEFT ? n - length : 0);
            Arrays.fill(mask, first, first + length, 1);
        }
        Map<String, TestModel.Feed> feeds = new LinkedHashMap<>();
        feeds.put("input_ids", new TestModel.Feed(ids, batch, n));
        feeds.put("attention_mask", new TestModel.Feed(mask, batch, n));
        feeds.put("token_type_ids", new TestModel.Feed(new long[batch * n], batch, n));
        return feeds;
    }

    @Test
    void miniLmInFloat32() throws IOException, OrtException {
        try (OnnxTransformer transformer = OnnxTransformer.open(model("all-minilm-l6-v2.onnx"), OPTIONS)) {
            for (int batch = 1; batch <= 3; batch++) {
                for (Padding padding : Padding.values()) {
                    try (Feeds feeds = new Feeds(tokens(batch, 128, padding));
                            OnnxOutputs cut = transformer.run(feeds.tensors());
                            OnnxOutputs uncut = transformer.runUncut(feeds.tensors())) {
                        double difference = Feeds.difference(cut, uncut);
                        System.out.println("MiniLM, batch " + batch + ", padding " + padding + ": " + difference);
                        assertTrue(difference <= 3e-6, batch + " " + padding + ": " + difference);
                    }
                }
            }
            assertEquals(6, transformer.attentions().stream().filter(attention -> attention.runs()
                    == OnnxAttention.Place.HERE).count());
        }
    }

    /** Dynamic quantisation makes steps of tiny differences; ONNX Runtime's own spread is the yardstick. */
    @Test
    void e5InInt8() throws IOException, OrtException {
        try (OnnxTransformer transformer = OnnxTransformer.open(model("e5-small-v2-q.onnx"), OPTIONS);
                OrtSession basic = transformer.openUncut(true)) {
            for (Padding padding : Padding.values()) {
                try (Feeds feeds = new Feeds(tokens(2, 128, padding));
                        OnnxOutputs cut = transformer.run(feeds.tensors());
                        OnnxOutputs uncut = transformer.runUncut(feeds.tensors());
                        OnnxOutputs other = OnnxTransformer.runWhole(basic, feeds.tensors())) {
                    double ours = Feeds.difference(cut, uncut);
                    double spread = Feeds.difference(other, uncut);
                    System.out.println("e5, padding " + padding + ": " + ours + ", spread of ONNX Runtime " + spread);
                    assertTrue(ours <= 1.25 * spread, padding + ": " + ours + " against " + spread);
                }
            }
        }
    }

    @Test
    void textRecogniser() throws IOException, OrtException {
        TestModel random = new TestModel(17, 1);
        try (OnnxTransformer transformer = OnnxTransformer.open(model("ocr.onnx"), OPTIONS);
                Feeds feeds = new Feeds(Map.of("x", new TestModel.Feed(random.normal(2 * 3 * 48 * 320, 0.5), 2, 3, 48,
                        320)));
                OnnxOutputs cut = transformer.run(feeds.tensors());
                OnnxOutputs uncut = transformer.runUncut(feeds.tensors())) {
            double difference = Feeds.difference(cut, uncut);
            System.out.println("PP-OCRv4: " + difference);
            assertTrue(difference <= 3e-6, String.valueOf(difference));
        }
    }

    @Test
    void longTextsAreEmbeddedInPiecesOfTheModelsOwnLimit() throws IOException, OrtException {
        try (LongEmbeddingModel model = LongEmbeddingModel.builder(model("all-minilm-l6-v2.onnx"),
                model("all-minilm-l6-v2-tokenizer.json")).build();
                LongEmbeddingModel stretched = LongEmbeddingModel.builder(model("all-minilm-l6-v2.onnx"),
                        model("all-minilm-l6-v2-tokenizer.json")).options(OnnxOptions.defaults().withPositions(4096))
                        .method(Attention.auto().build()).build()) {
            assertEquals(512, model.maxTokens());
            assertEquals(4096, stretched.maxTokens());
            float[] hello = model.embed("Hello world").content().vector();
            assertEquals(384, hello.length);
            // As sentence-transformers has it.
            assertEquals(-0.0345, hello[0], 1e-4);
            assertEquals(0.0310, hello[1], 1e-4);
            String text = Files.readString(Path.of("LICENSE"));
            assertTrue(model.embed(text).tokenUsage().inputTokenCount() > 1500);
            assertEquals(384, stretched.embed(text).content().dimension());
        }
    }
}
