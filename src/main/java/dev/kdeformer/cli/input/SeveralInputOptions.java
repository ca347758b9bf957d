package dev.kdeformer.cli.input;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import picocli.CommandLine.Option;

/** One input or several data sets, of which the first rows can be taken. */
public final class SeveralInputOptions extends InputOptions {
    @Option(names = "--data", paramLabel = "NAME", split = ",", order = 10,
            description = "Data sets by name, comma-separated or repeated (default: " + DEFAULT_DATA
                    + "); 'kdebench data' lists them.")
    private List<String> data = new ArrayList<>();

    @Option(names = "--n", paramLabel = "N", order = 20,
            description = "Take only the first N queries and the first N keys of every head.")
    private Integer rows;

    @Override
    String data() {
        return data.isEmpty() ? null : data.get(0);
    }

    @Override
    Integer rows() {
        return rows;
    }

    /**
     * Reads all of the inputs.
     *
     * @param arena owns the tensors
     * @throws dev.kdeformer.cli.console.UsageError if the options do not fit together
     * @throws IOException                          if a file cannot be read
     */
    public List<NamedInput> loadAll(Arena arena) throws IOException {
        List<NamedInput> all = new ArrayList<>();
        for (String name : new LinkedHashSet<>(data)) {
            all.add(load(arena, name));
        }
        return all.isEmpty() ? List.of(load(arena)) : all;
    }
}
