package dev.kdeformer.cli.bench;

import dev.kdeformer.Engine;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.runtime.VectorSupport;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Threads and seed. */
public final class EngineOptions {
    @Option(names = "--threads", paramLabel = "T", order = 30,
            description = "Threads to compute with (default: all processors).")
    private Integer threads;

    @Option(names = "--seed", paramLabel = "S", order = 31, defaultValue = "1",
            description = "Seed of everything random (default: ${DEFAULT-VALUE}); the same seed gives the same output "
                    + "on any number of threads.")
    private long seed;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    /**
     * An engine with these threads; what would make it slow on this Java is said first.
     *
     * @throws UsageError if there cannot be so many threads
     */
    public Engine engine() {
        VectorSupport.warnOnce(problem -> command.commandLine().getErr().println(command.qualifiedName(" ") + ": "
                + problem));
        try {
            return threads == null ? Engine.create() : Engine.create(threads);
        } catch (IllegalArgumentException e) {
            throw new UsageError("--" + e.getMessage());
        }
    }

    /**
     * The number of threads.
     *
     * @throws UsageError if there cannot be so many
     */
    public int threads() {
        if (threads != null && (threads < 1 || threads > 1024)) {
            throw new UsageError("--threads must be between 1 and 1024, got " + threads);
        }
        return threads == null ? Runtime.getRuntime().availableProcessors() : threads;
    }

    /** The seed of everything random. */
    public long seed() {
        return seed;
    }
}
