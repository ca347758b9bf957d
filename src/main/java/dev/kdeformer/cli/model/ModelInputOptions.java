package dev.kdeformer.cli.model;

import dev.kdeformer.cli.console.UsageError;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;

/** What a model is fed. */
public final class ModelInputOptions {
    private static final int DEFAULT_LENGTH = 512;

    @Option(names = "--input", paramLabel = "NAME=FILE.npy", order = 1,
            description = "Feed an input from a file (f4, i4, i8, u1 or b1); may be repeated.")
    private Map<String, Path> files = new LinkedHashMap<>();

    @Option(names = "--text", paramLabel = "FILE", order = 2,
            description = "Feed the tokens of a text, cut by the tokenizer beside the model.")
    private Path text;

    @Option(names = "--tokenizer", paramLabel = "FILE", order = 3,
            description = "The tokenizer for --text (default: tokenizer.json or NAME-tokenizer.json beside the model).")
    private Path tokenizer;

    @Option(names = "--random", paramLabel = "N", order = 4,
            description = "Feed N random tokens, or random numbers with N for every size that the model leaves open "
                    + "(default: " + DEFAULT_LENGTH + ").")
    private Integer random;

    @Option(names = "--n", paramLabel = "N", split = ",", order = 5,
            description = "Lengths to run at, comma-separated: random ones, or the first tokens of the text.")
    private List<Integer> lengths = new ArrayList<>();

    @Option(names = "--batch", paramLabel = "B", order = 6, defaultValue = "1",
            description = "Batch items, alike in length (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--stretch", order = 7,
            description = "Let a model with a fixed list of positions take longer inputs: neighbours share a position. "
                    + "For time and memory; no model was trained for it.")
    private boolean stretch;

    /**
     * Looks at the options.
     *
     * @throws UsageError if they do not fit together
     */
    public void check() {
        if (batch < 1) {
            throw new UsageError("--batch must be at least 1, got " + batch);
        }
        if (random != null && text != null) {
            throw new UsageError("--random and --text exclude each other");
        }
        if (random != null && !lengths.isEmpty()) {
            throw new UsageError("--random and --n both give lengths; one of them is enough");
        }
        if (tokenizer != null && text == null) {
            throw new UsageError("--tokenizer is for --text");
        }
        if (random != null && random < 1) {
            throw new UsageError("--random must be at least 1, got " + random);
        }
        for (int length : lengths) {
            if (length < 1) {
                throw new UsageError("--n must be at least 1, got " + length);
            }
        }
    }

    /** The lengths to run at; for a text without {@code --n} a single 0: all of it. */
    public List<Integer> all() {
        return !lengths.isEmpty() ? lengths : text != null ? List.of(0)
                : List.of(random == null ? DEFAULT_LENGTH : random);
    }

    /** Files by the names of the inputs that they are for. */
    public Map<String, Path> files() {
        return files;
    }

    /** The text, or null. */
    public Path text() {
        return text;
    }

    /** The tokenizer, null for the one beside the model. */
    public Path tokenizer() {
        return tokenizer;
    }

    /** Batch items. */
    public int batch() {
        return batch;
    }

    /** Whether positions are to be stretched. */
    public boolean stretch() {
        return stretch;
    }
}
