package dev.kdeformer.cli.input;

import dev.kdeformer.cli.console.UsageError;
import java.io.IOException;
import java.lang.foreign.Arena;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Input of which the first rows can be taken, and which can be continued. */
public final class CutInputOptions extends DataOptions {
    @Option(names = "--n", paramLabel = "N", order = 20,
            description = "Take only the first N queries and the first N keys of every head. Without --data, the "
                    + "shortest set that has enough rows is taken where the usual one has not.")
    private Integer rows;

    @Mixin
    private SyntheticOption synthetic;

    @Override
    Integer rows() {
        return rows;
    }

    @Override
    int wantedRows() {
        return rows == null ? 1 : rows;
    }

    @Override
    String longer() {
        return "; --synthetic continues it with made-up rows";
    }

    /**
     * Reads the input that the options speak of, and continues it where they say so.
     *
     * @param arena owns the tensors
     * @param seed  of made-up rows
     * @throws UsageError  if the options do not fit together
     * @throws IOException if a file cannot be read
     */
    public NamedInput load(Arena arena, long seed) throws IOException {
        return refine(arena, synthetic.continued(arena, read(arena, data()), wantedRows(), seed));
    }
}
