package dev.kdeformer.cli;

import dev.kdeformer.Engine;
import dev.kdeformer.cli.bench.EngineOptions;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Terminal;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.training.ActivationDump;
import dev.kdeformer.cli.training.ModelFile;
import dev.kdeformer.cli.training.Texts;
import dev.kdeformer.train.Checkpoint;
import dev.kdeformer.train.Text;
import dev.kdeformer.train.Transformer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Writes what a trained model's attention is given. */
@Command(name = "activations",
        description = {"Write queries, keys and values of a trained model's layers on a text, as data sets that every "
            + "other command reads with --data-dir: natural, causal, with rotary positions."},
        footer = {"", "Examples:", "  kdebench activations --out sets --n 16384",
            "  kdebench run --data-dir sets --data decoder-16384.layer1"})
final class ActivationsCommand implements Callable<Integer> {
    private static final int LONGEST = 1 << 20;

    @Mixin
    private ModelFile modelFile;

    @Option(names = "--text", paramLabel = "FILE", arity = "1..*", order = 1,
            description = "Text to give to the model (default: embedded documents).")
    private List<Path> text = new ArrayList<>();

    @Option(names = "--n", paramLabel = "N", split = ",", order = 2, defaultValue = "4096",
            description = "Bytes of the text to take, from its start, comma-separated (default: ${DEFAULT-VALUE}).")
    private List<Integer> lengths;

    @Option(names = "--layers", paramLabel = "L", split = ",", order = 3,
            description = "Layers to write, from 0, comma-separated (default: all).")
    private List<Integer> layers = new ArrayList<>();

    @Option(names = "--name", paramLabel = "NAME", order = 4, defaultValue = "decoder",
            description = "What the names of the sets begin with (default: ${DEFAULT-VALUE}).")
    private String name;

    @Option(names = "--out", paramLabel = "FOLDER", order = 5, required = true,
            description = "Write .npy files and manifest.json there.")
    private Path out;

    @Mixin
    private EngineOptions engineOptions;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (!name.matches("[A-Za-z0-9_.-]+")) {
            throw new UsageError("--name must be of letters, digits, dots and dashes, got " + name);
        }
        Text given = text.isEmpty() ? Texts.embeddedHeldOut() : Texts.whole(text);
        for (int n : lengths) {
            if (n < 2 || n > LONGEST || n >= given.length()) {
                throw new UsageError("--n must be between 2 and " + Math.min(LONGEST, given.length() - 1)
                        + " for this text, got " + n);
            }
        }
        List<String> names = modelFile.open(checkpoint -> write(checkpoint, given));
        names.forEach(set -> spec.commandLine().getOut().println("kdebench run --data-dir " + out + " --data " + set));
        return 0;
    }

    private List<String> write(Checkpoint checkpoint, Text given) throws IOException {
        int count = checkpoint.shape().layers();
        for (int layer : layers) {
            if (layer < 0 || layer >= count) {
                throw new UsageError("--layers must be between 0 and " + (count - 1) + ", got " + layer);
            }
        }
        Files.createDirectories(out);
        try (Engine engine = engineOptions.engine(); Transformer model = checkpoint.model(engine);
                Progress progress = new Progress(spec.commandLine().getErr(), Terminal.showsErrors(),
                        engine::progress)) {
            List<Integer> chosen = layers.isEmpty() ? IntStream.range(0, count).boxed().toList() : layers;
            ActivationDump dump = new ActivationDump(engine, out, name, chosen, count, ModelFile.words(checkpoint),
                    text.isEmpty() ? "embedded documents that the model was not trained on" : Texts.names(text));
            for (int n : lengths) {
                progress.stage("n = " + n);
                model.loss(given.at(0, n), dump);
            }
            return dump.finish();
        }
    }
}
