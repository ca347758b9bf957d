package dev.kdeformer.cli.input;

import java.lang.foreign.Arena;
import picocli.CommandLine.Option;

/** Whether input that has fewer rows than asked for is continued with made-up ones. */
final class SyntheticOption {
    @Option(names = "--synthetic", order = 20,
            description = "Where the input has fewer rows than asked for, continue it with made-up ones: copies of "
                    + "rows drawn at random, moved by noise of " + SyntheticRows.NOISE + " of each column's standard "
                    + "deviation. Without this option that is an error.")
    private boolean given;

    boolean isGiven() {
        return given;
    }

    /** The input with as many rows as asked for, or the same one where it has them or must not be continued. */
    NamedInput continued(Arena arena, NamedInput input, int rows, long seed) {
        int all = Math.max(input.input().queries(), input.input().keys());
        return given && rows > all ? SyntheticRows.append(arena, input, rows, seed) : input;
    }
}
