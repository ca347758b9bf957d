package dev.kdeformer.cli.report;

import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.StandardStreams;
import dev.kdeformer.cli.console.UsageError;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Where reports go besides the table on standard output. */
public final class ReportOptions {
    @Option(names = "--json", paramLabel = "FILE", arity = "0..1", fallbackValue = StandardStreams.NAME, order = 50,
            description = "Write the report as JSON; without FILE, or with -, to standard output instead of the table.")
    private String json;

    @Option(names = "--csv", paramLabel = "FILE", arity = "0..1", fallbackValue = StandardStreams.NAME, order = 51,
            description = "Write the runs as CSV; -, or no FILE, as above.")
    private String csv;

    @Option(names = "--markdown", paramLabel = "FILE", arity = "0..1", fallbackValue = StandardStreams.NAME, order = 52,
            description = "Write the report as Markdown; -, or no FILE, as above.")
    private String markdown;

    @Option(names = "--plot", paramLabel = "FILE.svg|FILE.png|-", order = 53,
            description = "Draw the runs as a picture; - draws SVG to standard output.")
    private Path plot;

    private boolean takesStandardOutput;

    /**
     * Looks at the options before work begins.
     *
     * @param files told the files of the report; they know those that the command itself writes
     * @throws UsageError if they do not fit together
     * @throws Failure    if a file could not be written in the end
     */
    public void check(OutputFiles files) {
        if (plot != null && !PlotFile.isKnown(plot)) {
            throw new UsageError("--plot must end in .svg or .png, got " + plot);
        }
        files.add("--json", json);
        files.add("--csv", csv);
        files.add("--markdown", markdown);
        files.add("--plot", plot);
        takesStandardOutput = files.takesStandardOutput();
    }

    /** Whether a form of the report or another output takes the place of the table on standard output. */
    public boolean takesStandardOutput() {
        return takesStandardOutput;
    }

    /** Whether a picture is asked for. */
    public boolean drawsPlot() {
        return plot != null;
    }

    /**
     * Writes all that was asked for.
     *
     * @throws IOException if a file cannot be written
     */
    public void write(Form report, PrintWriter out) throws IOException {
        if (!takesStandardOutput) {
            out.print(report.forTerminal());
        }
        if (json != null) {
            OutputFiles.write(json, JsonReport.text(report.toMap()), out);
        }
        if (csv != null) {
            OutputFiles.write(csv, report.csv(), out);
        }
        if (markdown != null) {
            OutputFiles.write(markdown, report.markdown(), out);
        }
        if (plot != null) {
            PlotFile.write(plot, report.drawings());
        }
    }
}
