package dev.kdeformer.onnx;

import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OrtException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged model files: each is refused in words, or gives what ONNX Runtime makes of the same file.
 * {@code -Dtest.vmargs=-Dmodel.mutations=10000} tries more.
 */
class MutatedModelsTest {
    private static final int MUTATIONS = Integer.getInteger("model.mutations", 150);
    /** A weight that was damaged may be huge, and rounding with it. */
    private static final double TOLERANCE = 1e-4;

    @TempDir
    private Path folder;

    @Test
    void areRefusedOrRight() throws IOException {
        SplittableRandom random = new SplittableRandom(20260202);
        Patterns[] patterns = Patterns.values();
        int refused = 0;
        int right = 0;
        for (int i = 0; i < MUTATIONS; i++) {
            Patterns pattern = patterns[random.nextInt(patterns.length)];
            TestModel model = pattern.model(i);
            byte[] bytes = model.bytes();
            for (int edits = 1 + random.nextInt(3); edits > 0; edits--) {
                int at = random.nextInt(bytes.length);
                bytes[at] = (byte) (random.nextBoolean() ? random.nextInt() : bytes[at] ^ 1 << random.nextInt(8));
            }
            Path file = Files.write(folder.resolve("model" + i + ".onnx"), bytes);
            if (isRefused(file, model, Math.max(TOLERANCE, 5 * pattern.tolerance()), i)) {
                refused++;
            } else {
                right++;
            }
            Files.delete(file);
        }
        System.out.println("MutatedModelsTest: " + MUTATIONS + " files, " + refused + " refused, " + right + " right");
        assertTrue(refused > MUTATIONS / 20 && right > MUTATIONS / 20, refused + " refused, " + right + " right");
    }

    private static boolean isRefused(Path file, TestModel model, double tolerance, int number) throws IOException {
        try (OnnxTransformer transformer = OnnxTransformer.open(file, OnnxOptions.defaults().withThreads(1)
                .withShortestSequence(0)); Feeds feeds = new Feeds(model.feeds());
                OnnxOutputs cut = transformer.run(feeds.tensors());
                OnnxOutputs uncut = transformer.runUncut(feeds.tensors())) {
            double difference = Feeds.difference(cut, uncut);
            assertTrue(difference <= tolerance || Double.isNaN(difference), number + ": " + difference + " "
                    + transformer.attentions());
            return false;
        } catch (IOException | OrtException e) {
            assertTrue(e.getMessage() != null && !e.getMessage().isBlank(), number + " is refused without a word");
            return true;
        }
    }
}
