package dev.kdeformer.cli;

import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.density.DensityBench;
import dev.kdeformer.cli.density.DensityInput;
import dev.kdeformer.cli.density.DensityReport;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.OutputFiles;
import dev.kdeformer.io.Npy;
import dev.kdeformer.kde.Bandwidth;
import dev.kdeformer.kde.Estimator;
import dev.kdeformer.kde.Kernel;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Estimates the density of points. */
@Command(name = "density",
        description = {"Estimate the density of points by a kernel, to a relative error that is asked for.",
            "Densities are normalised: their integral over all of space is 1. Some estimates are checked exactly."},
        footer = {"", "Examples:", "  kdebench density --plot density.png",
            "  kdebench density --points x.npy --queries grid.npy --kernel epanechnikov --bandwidth 0.3 -o logs.npy",
            "  kdebench density --data minilm-16384.layer0 --estimator exact --bandwidth silverman --json"})
final class DensityCommand extends TimedCommand {
    private static final Map<String, Kernel.Form> KERNELS = kernels();

    /** Features up to which a tree is quicker than all pairs. */
    private static final int TREE_FEATURES = 6;

    @Mixin
    private DensityInput densityInput;

    @Option(names = "--kernel", paramLabel = "NAME", order = 13, defaultValue = "gaussian",
            description = "gaussian, exponential (of the distance), epanechnikov, top-hat, triangular or cosine "
                    + "(default: ${DEFAULT-VALUE}); tophat and linear are other names of two.")
    private String kernel;

    @Option(names = "--bandwidth", paramLabel = "H|scott|silverman", order = 14, defaultValue = "scott",
            description = "The bandwidth, or the rule of thumb that gives it (default: ${DEFAULT-VALUE}).")
    private String bandwidth;

    @Option(names = "--estimator", paramLabel = "NAME", order = 15, defaultValue = "auto",
            description = "exact, tree, uniform or hashing; auto takes a tree up to " + TREE_FEATURES
                    + " features and the exact sum beyond (default: ${DEFAULT-VALUE}).")
    private String estimator;

    @Option(names = "--error", paramLabel = "E", order = 16, defaultValue = "0.01",
            description = "Largest relative error of an estimate, from 0.0001 to 0.9 (default: ${DEFAULT-VALUE}).")
    private double error;

    @Option(names = {"-o", "--output"}, paramLabel = "FILE.npy", order = 17,
            description = "Write the natural logarithms of the densities at the queries, (m).")
    private Path output;

    private static Map<String, Kernel.Form> kernels() {
        Map<String, Kernel.Form> kernels = new LinkedHashMap<>();
        kernels.put("gaussian", Kernel.Form.GAUSSIAN);
        kernels.put("exponential", Kernel.Form.LAPLACE);
        kernels.put("epanechnikov", Kernel.Form.EPANECHNIKOV);
        kernels.put("top-hat", Kernel.Form.TOP_HAT);
        kernels.put("tophat", Kernel.Form.TOP_HAT);
        kernels.put("triangular", Kernel.Form.TRIANGULAR);
        kernels.put("linear", Kernel.Form.TRIANGULAR);
        kernels.put("cosine", Kernel.Form.COSINE);
        return kernels;
    }

    private Kernel.Form form;

    @Override
    void check(OutputFiles files) {
        files.add("--output", output);
        form = KERNELS.get(kernel.toLowerCase(Locale.ROOT));
        if (form == null) {
            throw new UsageError("--kernel must be one of " + String.join(", ", KERNELS.keySet()) + "; got " + kernel);
        }
        if (!(error >= 0.0001 && error <= 0.9)) {
            throw new UsageError("--error must be between 0.0001 and 0.9, got " + error);
        }
        if (!isRule()) {
            bandwidth();
        }
        if (estimator() == Estimator.HASHING && form != Kernel.Form.GAUSSIAN) {
            throw new UsageError("--estimator hashing takes the kernel gaussian alone, got " + kernel);
        }
    }

    @Override
    Form work(Session session) throws IOException {
        DensityInput.Loaded input = densityInput.load(session.arena());
        int d = input.points().shape().columns();
        if (drawsPlot() && d > 2) {
            throw new UsageError("--plot needs points of one or two features, got " + d
                    + "; --principal 2 reduces them");
        }
        Estimator chosen = estimator();
        if (chosen == null) {
            chosen = d <= TREE_FEATURES ? Estimator.TREE : Estimator.EXACT;
        }
        String rule = isRule() ? bandwidth.toLowerCase(Locale.ROOT) : "";
        Kernel made = new Kernel(form, isRule() ? Bandwidth.valueOf(bandwidth.toUpperCase(Locale.ROOT))
                .of(form, input.points(), input.weights()) : bandwidth());
        DensityReport report = new DensityBench(session.engine(), session.arena(), input,
                new DensityBench.Settings(made, rule, chosen, error, seed())).run(session.progress(), drawsPlot());
        if (output != null) {
            write(report.logDensities(), session.arena());
        }
        if (drawsPlot() && report.drawings().get(0).isEmpty()) {
            throw new Failure("nothing to plot: the density is 0 or infinite on the whole grid");
        }
        return report;
    }

    private Estimator estimator() {
        return switch (estimator.toLowerCase(Locale.ROOT)) {
            case "auto" -> null;
            case "exact" -> Estimator.EXACT;
            case "tree" -> Estimator.TREE;
            case "uniform" -> Estimator.UNIFORM;
            case "hashing" -> Estimator.HASHING;
            default -> throw new UsageError("--estimator must be auto, exact, tree, uniform or hashing, got "
                    + estimator);
        };
    }

    private boolean isRule() {
        return bandwidth.equalsIgnoreCase("scott") || bandwidth.equalsIgnoreCase("silverman");
    }

    private double bandwidth() {
        double number;
        try {
            number = Double.parseDouble(bandwidth);
        } catch (NumberFormatException e) {
            throw new UsageError("--bandwidth must be a number, scott or silverman, got " + bandwidth);
        }
        if (!(number >= 1e-30 && number <= 1e30)) {
            throw new UsageError("--bandwidth must be between 1e-30 and 1e30, got " + bandwidth);
        }
        return number;
    }

    private void write(double[] logs, Arena arena) throws IOException {
        Tensor tensor = Tensor.allocate(arena, Shape.of(logs.length, 1));
        for (int i = 0; i < logs.length; i++) {
            tensor.matrix(0, 0).set(i, 0, (float) logs[i]);
        }
        OutputFiles.write(output, file -> Npy.write(file, tensor, 1));
    }
}
