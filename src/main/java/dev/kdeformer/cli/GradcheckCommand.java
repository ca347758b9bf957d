package dev.kdeformer.cli;

import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.cli.bench.GradientCheck;
import dev.kdeformer.cli.bench.GradientReport;
import dev.kdeformer.cli.bench.TurnsOptions;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.input.RandomInputOptions;
import dev.kdeformer.cli.methods.MethodOptions;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.OutputFiles;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Checks the gradients of a method against finite differences. */
@Command(name = "gradcheck",
        description = {"Check the gradients of a method against finite differences in double precision, and time "
            + "them.",
            "Some elements of queries, keys and values are moved up and down, and the change of a random linear loss "
                + "is compared with the gradient. An approximate method is checked as the function that it is with its "
                + "choices for this input held fixed; how far its gradients are from the exact ones is shown too. "
                + "Methods are also checked by --sinks, exact attention by what else is added to its logits: --bias, "
                + "--distance-bias and --grid-bias. "
                + "Without an input option it takes random queries, keys and values: --n rows (default: 256) of --d "
                + "features for --heads heads."},
        footer = {"", "The exit code is 1 if an error exceeds --tolerance.", "", "Examples:",
            "  kdebench gradcheck --n 256", "  kdebench gradcheck --method kdeformer --columns 96 --n 512",
            "  kdebench gradcheck --data minilm-512.layer2 --causal --json",
            "  kdebench gradcheck --n 100 --heads 4 --sinks 0.5 --softcap 5 --window 20,20"})
final class GradcheckCommand extends TimedCommand {
    @Mixin
    private RandomInputOptions inputOptions = new RandomInputOptions(256);

    @Option(names = "--method", paramLabel = "NAME", order = 18, defaultValue = Methods.EXACT,
            description = "The method: exact, kdeformer, hyper or pilot (default: ${DEFAULT-VALUE}).")
    private String method;

    @Mixin
    private MethodOptions methodOptions;

    @Option(names = "--elements", paramLabel = "N", order = 23, defaultValue = "8",
            description = "Elements of each tensor to move (default: ${DEFAULT-VALUE}).")
    private int elements;

    @Option(names = "--tolerance", paramLabel = "E", order = 24, defaultValue = "1e-3",
            description = "Largest relative error to accept (default: ${DEFAULT-VALUE}).")
    private double tolerance;

    @Mixin
    private TurnsOptions turns = new TurnsOptions(3);

    private DifferentiableMethod checked;

    @Override
    void check(OutputFiles files) {
        turns.check();
        if (elements < 1 || elements > 10_000) {
            throw new UsageError("--elements must be between 1 and 10000, got " + elements);
        }
        if (!(tolerance > 0)) {
            throw new UsageError("--tolerance must be above 0, got " + tolerance);
        }
        checked = methodOptions.makeDifferentiable(method, seed());
    }

    @Override
    Form work(Session session) throws IOException {
        NamedInput input = inputOptions.load(session.arena(), seed());
        if (input.input().isEmpty()) {
            throw new UsageError("without queries or keys no gradient has elements to check");
        }
        return new GradientCheck(session.engine(), checked, input, elements, seed(), tolerance)
                .run(session.progress(), turns);
    }

    @Override
    int exitCode(Form report) {
        return ((GradientReport) report).passes() ? 0 : 1;
    }
}
