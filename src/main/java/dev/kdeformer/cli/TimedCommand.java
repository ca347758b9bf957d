package dev.kdeformer.cli;

import dev.kdeformer.Engine;
import dev.kdeformer.cli.bench.EngineOptions;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Terminal;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.OutputFiles;
import dev.kdeformer.cli.report.ReportOptions;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * The frame of a command that computes something and reports on it: options and output files are checked before
 * anything is read, memory and threads are there for the time of the work, whose progress shows, and the report is
 * written in the forms that were asked for.
 */
abstract class TimedCommand implements Callable<Integer> {
    @Mixin
    private EngineOptions engineOptions;

    @Mixin
    private ReportOptions reportOptions;

    @Spec
    private CommandSpec spec;

    /**
     * What the work has at hand, valid until it ends.
     *
     * @param engine   computes
     * @param arena    owns the input
     * @param progress is told what begins
     */
    record Session(Engine engine, Arena arena, Progress progress) {
    }

    /**
     * Checks the options and prepares what needs no input.
     *
     * @param files told the files that the command writes besides its report
     */
    abstract void check(OutputFiles files);

    /** Reads the input and computes; the report is written when the work has ended. */
    abstract Form work(Session session) throws IOException;

    /** The exit code of a command that has come to its end. */
    int exitCode(Form report) {
        return 0;
    }

    /** Threads like those of the session, with memory of their own; to be closed by whoever asks for them. */
    Engine anotherEngine() {
        return engineOptions.engine();
    }

    long seed() {
        return engineOptions.seed();
    }

    /** Whether a form of the report takes the place of the table on standard output. */
    boolean takesStandardOutput() {
        return reportOptions.takesStandardOutput();
    }

    /** Whether the report is drawn. */
    boolean drawsPlot() {
        return reportOptions.drawsPlot();
    }

    CommandSpec spec() {
        return spec;
    }

    @Override
    public final Integer call() throws IOException {
        OutputFiles files = new OutputFiles();
        check(files);
        reportOptions.check(files);
        try (Arena arena = Arena.ofShared(); Engine engine = engineOptions.engine()) {
            Form report;
            try (Progress progress = new Progress(spec.commandLine().getErr(), Terminal.showsErrors(),
                    engine::progress)) {
                report = work(new Session(engine, arena, progress));
            }
            reportOptions.write(report, spec.commandLine().getOut());
            return exitCode(report);
        }
    }
}
