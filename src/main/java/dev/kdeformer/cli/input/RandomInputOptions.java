package dev.kdeformer.cli.input;

import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.List;
import picocli.CommandLine.Option;

/** Input that is random where no other is given. */
public final class RandomInputOptions extends InputOptions {
    private static final int FEATURES = 64;

    @Option(names = "--data", paramLabel = "NAME", order = 10,
            description = "A data set by name (default: random input of --n, --d and --heads); 'kdebench data' lists "
                    + "them.")
    private String data;

    @Option(names = "--n", paramLabel = "N", order = 20,
            description = "Rows of random input, or the first N queries and keys of every head of another (default: "
                    + "all; of random input see above).")
    private Integer rows;

    @Option(names = "--d", paramLabel = "D", order = 21,
            description = "Features of random input (default: " + FEATURES + ").")
    private Integer features;

    @Option(names = "--heads", paramLabel = "H", order = 22, description = "Heads of random input (default: 1).")
    private Integer heads;

    private final int randomRows;

    /** Options with a command's own number of random rows. */
    public RandomInputOptions(int randomRows) {
        this.randomRows = randomRows;
    }

    @Override
    String data() {
        return data;
    }

    @Override
    Integer rows() {
        return rows;
    }

    /**
     * The input that the options speak of, or random queries, keys and values.
     *
     * @param arena owns the tensors
     * @throws UsageError  if the options do not fit together
     * @throws IOException if a file cannot be read
     */
    public NamedInput load(Arena arena, long seed) throws IOException {
        if (isGiven()) {
            if (features != null || heads != null) {
                throw new UsageError("--d and --heads are for random input, without --data, --q --k --v or "
                        + "--safetensors");
            }
            return load(arena);
        }
        if (rows != null && rows < 1) {
            throw new UsageError("--n, --d and --heads do not give an input: rows must be at least 1, got " + rows);
        }
        Shape shape;
        try {
            shape = Shape.of(1, heads == null ? 1 : heads, rows == null ? randomRows : rows,
                    features == null ? FEATURES : features);
        } catch (IllegalArgumentException e) {
            throw new UsageError("--n, --d and --heads do not give an input: " + e.getMessage());
        }
        requireMemory(List.of(shape, shape, shape));
        return refine(arena, RandomInput.of(arena, shape, seed));
    }
}
