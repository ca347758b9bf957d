package dev.kdeformer.cli.input;

import picocli.CommandLine.Option;

/** Input that is a data set where no other is given. */
abstract class DataOptions extends InputOptions {
    @Option(names = "--data", paramLabel = "NAME", order = 10,
            description = "A data set by name (default: " + DEFAULT_DATA + "); 'kdebench data' lists them.")
    private String data;

    @Override
    final String data() {
        return data;
    }
}
