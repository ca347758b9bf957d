package dev.kdeformer.cli;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.methods.MethodOptions;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.OutputFiles;
import dev.kdeformer.cli.training.ArenaBench;
import dev.kdeformer.train.ArenaTask;
import dev.kdeformer.train.Classification;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains classifiers of long sequences with exact and approximate attention. */
@Command(name = "arena",
        description = {"Train a small encoder on long made-up sequences with each of --methods, forward and backward, "
            + "and compare the accuracy after the same number of steps (after Tay et al. 2021, Long Range Arena).",
            "Tasks: listops, nested operations on digits, up to 2,000 tokens; paths, whether two marks lie on the same "
                + "path, 1,024 pixels."},
        footer = {"", "Example:", "  kdebench arena --tasks paths --methods exact,pilot --steps 100 --seeds 1"})
final class ArenaCommand extends TimedCommand {
    @Option(names = "--tasks", paramLabel = "NAME", split = ",", order = 1, defaultValue = "listops,paths",
            description = "Tasks, comma-separated (default: ${DEFAULT-VALUE}).")
    private List<String> tasks;

    @Option(names = "--steps", paramLabel = "N", order = 2, defaultValue = "200",
            description = "Steps of training (default: ${DEFAULT-VALUE}).")
    private int steps;

    @Option(names = "--batch", paramLabel = "B", order = 3, defaultValue = "16",
            description = "Sequences of a step (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--judged", paramLabel = "N", order = 4, defaultValue = "512",
            description = "Examples to judge on, which are not trained on (default: ${DEFAULT-VALUE}).")
    private int judged;

    @Option(names = "--seeds", paramLabel = "S", order = 5, defaultValue = "3",
            description = "Seeds, from --seed on (default: ${DEFAULT-VALUE}).")
    private int seeds;

    @Option(names = "--methods", paramLabel = "NAME", split = ",", order = 20,
            defaultValue = "exact,kdeformer,hyper,pilot",
            description = "Methods with gradients, comma-separated (default: ${DEFAULT-VALUE}).")
    private List<String> methods;

    @Mixin
    private MethodOptions methodOptions;

    private List<ArenaTask> chosen;

    @Override
    void check(OutputFiles files) {
        range("--steps", steps, 1_000_000);
        range("--batch", batch, 4096);
        range("--judged", judged, 1_000_000);
        range("--seeds", seeds, 1000);
        chosen = tasks.stream().map(ArenaCommand::task).toList();
        methods(seed());
    }

    private static ArenaTask task(String name) {
        return ArenaBench.TASKS.stream().filter(task -> task.name().equals(name)).findFirst()
                .orElseThrow(() -> new UsageError("--tasks must be of " + ArenaBench.TASKS.stream()
                        .map(ArenaTask::name).collect(Collectors.joining(", ")) + ", got " + name));
    }

    @Override
    Form work(Session session) {
        return new ArenaBench(this::anotherEngine, new Classification.Effort(steps, batch, judged, seed()), seeds)
                .run(chosen, this::methods, session.progress());
    }

    private List<AttentionMethod> methods(long seed) {
        List<AttentionMethod> made = methodOptions.make(methods, seed);
        made.forEach(MethodOptions::withGradients);
        return made;
    }

    private static void range(String option, int value, int most) {
        if (value < 1 || value > most) {
            throw new UsageError(option + " must be between 1 and " + most + ", got " + value);
        }
    }
}
