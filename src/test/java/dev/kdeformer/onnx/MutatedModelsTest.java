package dev.kdeformer.onnx;

import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OrtException;
import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
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
    private static final double LARGEST_LOGIT = 1e4;
    private static final AttentionMethod EXACT = Attention.exact().build();

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

    /** A bound for the logits. */
    private static double largest(AttentionInput input) {
        return (double) largest(input.query()) * largest(input.key()) * input.d() * Math.abs(input.scale());
    }

    private static float largest(Tensor tensor) {
        float largest = 0;
        for (float value : tensor.toArray()) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }

    private static boolean isRefused(Path file, TestModel model, double tolerance, int number) throws IOException {
        List<Double> largest = new ArrayList<>(List.of(0.0));
        try (OnnxTransformer transformer = OnnxTransformer.open(file, OnnxOptions.defaults().withThreads(1)
                .withShortestSequence(0)); Feeds feeds = new Feeds(model.feeds());
                OnnxOutputs cut = transformer.run(feeds.tensors(), attention -> EXACT, (attention, input, output,
                        statistics, nanos) -> largest.add(largest(input)));
                OnnxOutputs uncut = transformer.runUncut(feeds.tensors())) {
            double difference = Feeds.difference(cut, uncut);
            boolean rounded = Collections.max(largest) > LARGEST_LOGIT; // no digit of a softmax is sure then
            assertTrue(rounded || difference <= tolerance || Double.isNaN(difference), number + ": " + difference + " "
                    + transformer.attentions());
            return false;
        } catch (IOException | OrtException e) {
            assertTrue(e.getMessage() != null && !e.getMessage().isBlank(), number + " is refused without a word");
            return true;
        }
    }
}
