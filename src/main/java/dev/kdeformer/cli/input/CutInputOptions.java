package dev.kdeformer.cli.input;

import picocli.CommandLine.Option;

/** Input of which the first rows can be taken. */
public final class CutInputOptions extends DataOptions {
    @Option(names = "--n", paramLabel = "N", order = 20,
            description = "Take only the first N queries and the first N keys of every head.")
    private Integer rows;

    @Override
    Integer rows() {
        return rows;
    }
}
