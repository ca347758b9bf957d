package dev.kdeformer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.Engine;
import dev.kdeformer.io.ElementType;
import dev.kdeformer.io.Safetensors;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {
    private static final ModelShape SHAPE = new ModelShape(2, 64, new ModelShape.Heads(2, 1, 32, 1000), 64,
            256, 0);
    private static final TrainingPlan PLAN = new TrainingPlan(List.of(new TrainingPlan.Phase(32, 256),
            new TrainingPlan.Phase(64, 768)), 128, new Schedule(1e-2, 200, 300, 768), 5);
    private static final Text TEXT = new Text("What was seen is seen again, and what was not is not. ".repeat(9)
            .getBytes());

    @TempDir
    private Path folder;

    private static ModelAttention exact(Engine engine) {
        return ModelAttention.same(engine, Attention.exact().build(), SHAPE.layers());
    }

    private static List<float[]> values(Trainer trainer) {
        return trainer.model().parameters().all().stream().map(parameter -> parameter.value().clone()).toList();
    }

    @Test
    void aResumedRunHasTheBitsOfOneThatNeverStopped() throws IOException {
        Path file = folder.resolve("checkpoint.safetensors");
        List<float[]> whole;
        try (Engine engine = Engine.create(2); Trainer trainer = Trainer.start(SHAPE, PLAN, engine, 1000)) {
            double first = 0;
            double last = 0;
            while (!trainer.isDone()) {
                last = trainer.step(TEXT, exact(engine)).bitsPerByte();
                first = first == 0 ? last : first;
                if (trainer.steps() == 3) {
                    trainer.save(file, "a text");
                }
            }
            assertEquals(6, trainer.steps());
            assertTrue(last < first - 0.5, first + " to " + last);
            whole = values(trainer);
        }
        Checkpoint checkpoint = Checkpoint.open(file);
        assertEquals(SHAPE, checkpoint.shape());
        assertEquals(PLAN, checkpoint.plan());
        assertEquals("a text", checkpoint.about());
        try (Engine engine = Engine.create(3); Trainer trainer = Trainer.resume(checkpoint, PLAN, engine, 0)) {
            assertEquals(384, trainer.bytes());
            while (!trainer.isDone()) {
                trainer.step(TEXT, exact(engine));
            }
            List<float[]> resumed = values(trainer);
            for (int i = 0; i < whole.size(); i++) {
                assertArrayEquals(whole.get(i), resumed.get(i), "parameter " + i);
            }
        }
    }

    @Test
    void aModelAloneIsKeptInHalfPrecision() throws IOException {
        Path file = folder.resolve("model.safetensors");
        try (Engine engine = Engine.create(1); Trainer trainer = Trainer.start(SHAPE, PLAN, engine, 1000)) {
            Checkpoint.writeModel(file, trainer.model(), 77, "nothing yet");
            Checkpoint read = Checkpoint.open(file);
            assertEquals(77, read.bytes());
            assertTrue(Files.size(file) < 2 * SHAPE.parameters() + 5000);
            try (Transformer model = read.model(engine)) {
                Batch batch = TEXT.at(3, 60);
                double expected = trainer.model().loss(batch, exact(engine));
                assertEquals(expected, model.loss(batch, exact(engine)), 1e-3 * expected);
            }
            assertTrue(assertThrows(IOException.class, read::plan).getMessage().contains("no checkpoint to go on"));
        }
    }

    @Test
    void otherFilesAreRefused() throws IOException {
        Path file = folder.resolve("other.safetensors");
        try (Arena arena = Arena.ofConfined()) {
            Map<String, Tensor> tensors = Map.of("embedding", Tensor.allocate(arena, Shape.of(4, 4)));
            Safetensors.write(file, tensors);
            assertTrue(assertThrows(IOException.class, () -> Checkpoint.open(file)).getMessage()
                    .contains("holds no model"));
            Map<String, String> metadata = new HashMap<>(SHAPE.toMap());
            metadata.put("format", "kdeformer transformer 1");
            Safetensors.write(file, tensors, ElementType.F16, 2, metadata);
            assertTrue(assertThrows(IOException.class, () -> Checkpoint.open(file)).getMessage()
                    .contains("are too few"));
            metadata.put("width", "33");
            Safetensors.write(file, tensors, ElementType.F16, 2, metadata);
            assertTrue(assertThrows(IOException.class, () -> Checkpoint.open(file)).getMessage()
                    .contains("width must be a multiple of 32, got 33"));
        }
    }

    @Test
    void theRateRisesStaysAndFalls() {
        Schedule schedule = new Schedule(1, 100, 200, 1000);
        assertEquals(0.5, schedule.rate(49), 1e-9);
        assertEquals(1, schedule.rate(500));
        assertEquals(1, schedule.rate(800));
        assertEquals(0.05 + 0.95 / 2, schedule.rate(900), 1e-9);
        assertEquals(0.05, schedule.rate(1000), 1e-9);
        assertThrows(IllegalArgumentException.class, () -> new Schedule(1, 2000, 0, 1000));
    }
}
