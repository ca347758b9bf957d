package dev.kdeformer.cli.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.train.ModelAttention;
import dev.kdeformer.train.ModelShape;
import dev.kdeformer.train.Schedule;
import dev.kdeformer.train.Text;
import dev.kdeformer.train.Trainer;
import dev.kdeformer.train.TrainingPlan;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingRunTest {
    private static final ModelShape SHAPE = new ModelShape(1, 32, new ModelShape.Heads(1, 1, 32, 1000), 32, 256, 0);

    @TempDir
    private Path folder;

    @Test
    void aRunThatIsSavedBeforeItsFirstReportDrawsNoCurveYetAndGoesOn() throws IOException {
        Text text = new Text("A curve of no points. ".repeat(40).getBytes(StandardCharsets.UTF_8));
        int steps = 150; // a report is due every three
        TrainingPlan plan = new TrainingPlan(List.of(new TrainingPlan.Phase(8, 8 * steps)), 8,
                new Schedule(1e-3, 8, 8, 8 * steps), 1);
        Path plot = folder.resolve("curve.svg");
        StringWriter out = new StringWriter();
        try (Engine engine = Engine.create(1); Trainer trainer = Trainer.start(SHAPE, plan, engine, 1000);
                Progress progress = new Progress(new PrintWriter(new StringWriter()), false, () -> 0)) {
            ModelAttention attention = ModelAttention.same(engine, Attention.exact().build(), 1);
            new TrainingRun(trainer, plan, attention, new Texts(text, text, "a text", "mark"), folder, plot, 0)
                    .run(new PrintWriter(out), progress, Double.POSITIVE_INFINITY);
            assertTrue(trainer.isDone());
        }
        assertTrue(Files.readString(plot).contains("<svg"));
        List<String> lines = out.toString().lines().toList();
        assertTrue(lines.get(1).stripLeading().startsWith("3 "), lines.get(1));
        assertEquals("0m00s", lines.get(lines.size() - 1).substring(lines.get(lines.size() - 1).lastIndexOf(' ') + 1));
    }
}
