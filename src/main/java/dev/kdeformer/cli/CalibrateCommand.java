package dev.kdeformer.cli;

import dev.kdeformer.Calibration;
import dev.kdeformer.cli.bench.CalibrationBench;
import dev.kdeformer.cli.bench.TurnsOptions;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.SeveralInputOptions;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.OutputFiles;
import dev.kdeformer.io.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Finds the efforts that keep an error budget on inputs, for later calls with inputs like them. */
@Command(name = "calibrate",
        description = {"Find, once, the effort that each head of a layer needs to keep an error budget, for "
            + "--calibration of other commands and for programs.",
            "Of several inputs each head gets the highest effort that any of them needs. Then exact attention, the "
            + "method without the calibration and the method with it take turns on every input."},
        footer = {"", "Examples:", "  kdebench calibrate --data glove-16384 --out glove.json",
            "  kdebench calibrate --q q.npy --k k.npy --v v.npy --causal --budget 0.1 --out layer.json",
            "  kdebench run --q q2.npy --k k2.npy --v v2.npy --causal --method auto --calibration layer.json"})
final class CalibrateCommand extends TimedCommand {
    @Mixin
    private SeveralInputOptions inputOptions;

    @Option(names = "--method", paramLabel = "NAME", order = 21, defaultValue = "auto",
            description = "The method to time, one that takes a calibration (default: ${DEFAULT-VALUE}).")
    private String method;

    @Option(names = "--budget", paramLabel = "E", order = 22, defaultValue = "0.05",
            description = "Relative spectral error that a head may have (default: ${DEFAULT-VALUE}).")
    private double budget;

    @Mixin
    private TurnsOptions turns = new TurnsOptions(5);

    @Option(names = "--out", paramLabel = "FILE.json", order = 40,
            description = "Write the calibration; - for standard output.")
    private Path out;

    @Override
    void check(OutputFiles files) {
        turns.check();
        if (!(budget > 0 && budget < Double.POSITIVE_INFINITY)) {
            throw new UsageError("--budget must be a positive number, got " + budget);
        }
        if (drawsPlot()) {
            throw new UsageError("--plot: a calibration has no picture");
        }
        if (!Methods.find(method).takesCalibration()) {
            throw new UsageError("--method must be one that takes a calibration, got " + method);
        }
        files.add("--out", out);
    }

    @Override
    Form work(Session session) throws IOException {
        CalibrationBench bench = new CalibrationBench(session.engine(), inputOptions.loadAll(session.arena()), method,
                seed());
        Calibration found = bench.calibrate(session.progress(), budget);
        if (out != null) {
            OutputFiles.write(out, file -> AtomicFile.write(file, stream -> stream.write(found.toJson()
                    .getBytes(StandardCharsets.UTF_8))));
        }
        return bench.measure(session.progress(), found, turns);
    }
}
