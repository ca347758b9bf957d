package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainCommandTest {
    private static final List<String> SMALL = List.of("train", "--layers", "1", "--width", "32", "--heads", "1",
            "--kv-heads", "1", "--hidden", "32", "--n", "16:50%,64", "--step-bytes", "64");

    @TempDir
    private Path folder;

    private static Outcome train(String... more) {
        List<String> call = new ArrayList<>(SMALL);
        call.addAll(List.of(more));
        return Outcome.of(call.toArray(String[]::new));
    }

    private Path text() throws IOException {
        return Files.writeString(folder.resolve("text.txt"), "abc def ghi, ".repeat(100));
    }

    @Test
    void trainsAndGoesOn() throws IOException {
        String text = text().toString();
        Path once = folder.resolve("once");
        Path twice = folder.resolve("twice");
        Path plot = folder.resolve("curve.svg");
        String out = train("--text", text, "--out", once.toString(), "--bytes", "1k", "--plot", plot.toString())
                .succeeds().out();
        assertTrue(out.contains("Done: 16 steps, 1024 bytes"), out);
        assertTrue(Files.readString(plot).contains("<svg"));
        train("--text", text, "--out", twice.toString(), "--bytes", "1k", "--minutes", "1e-9").succeeds();
        train("--text", text, "--out", twice.toString()).failsWith(2, "holds a checkpoint; add --resume");
        train("--text", text, "--held-out", "0.3", "--out", twice.toString(), "--resume").failsWith(2,
                "--text is not what the run began with");
        Outcome.of("train", "--text", text, "--out", twice.toString(), "--resume").succeeds();
        assertArrayEquals(Files.readAllBytes(once.resolve("model.safetensors")),
                Files.readAllBytes(twice.resolve("model.safetensors")));
        List<String> log = Files.readAllLines(twice.resolve("log.csv"));
        assertTrue(log.get(0).startsWith("step,bytes,n,bitsPerByte") && log.get(1).startsWith("1,64,16,"), log + "");
        assertEquals("16,1024,64", log.get(log.size() - 1).substring(0, 10));
    }

    @Test
    void trainsOnEmbeddedText() {
        String out = train("--bytes", "128", "--method", "pilot").succeeds().out();
        assertTrue(out.contains("documentation of SQLite") && out.contains("attention pilot"), out);
    }

    @Test
    void refusesWhatItCannotDo() throws IOException {
        String text = text().toString();
        train("--resume").failsWith(2, "--resume needs the --out");
        train("--bytes", "many").failsWith(2, "--bytes must be a number such as");
        train("--method", "pilot", "--budget", "0.05").failsWith(2, "gradients at a fixed cost only");
        train("--method", "performer").failsWith(2, "method performer has no gradients");
        Outcome.of("train", "--text", text, "--n", "5000").failsWith(2, "--n 5000 needs a longer text");
        train("--text", text, "--held-out", "1.5").failsWith(2, "--held-out must be between 0 and 1");
        Outcome.of("train", "--n", "16,32").failsWith(2, "must give the bytes of every length but the last");
        Outcome.of("train", "--width", "33").failsWith(2, "--width must be a multiple of 32, got 33");
        Outcome.of("train", "--heads", "3", "--kv-heads", "2").failsWith(2, "multiple of kv-heads");
        train("--rate", "7").failsWith(2, "learning rate must be above 0 and at most 1");
        train("--out", folder.toString(), "--resume").failsWith(1, "checkpoint.safetensors");
        train("--text", folder.toString()).failsWith(1, "this is a folder");
        train("--plot", "curve.gif").failsWith(2, "--plot must end in .svg or .png");
    }
}
