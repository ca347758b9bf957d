package dev.kdeformer.cli.report;

import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.io.AtomicFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** Where reports go besides the table on standard output. */
public final class ReportOptions {
    private static final String STANDARD_OUTPUT = "-";

    @Option(names = "--json", paramLabel = "FILE", arity = "0..1", fallbackValue = STANDARD_OUTPUT, order = 50,
            description = "Write the report as JSON; without FILE, or with -, to standard output instead of the table.")
    private String json;

    @Option(names = "--csv", paramLabel = "FILE", arity = "0..1", fallbackValue = STANDARD_OUTPUT, order = 51,
            description = "Write the runs as CSV.")
    private String csv;

    @Option(names = "--markdown", paramLabel = "FILE", arity = "0..1", fallbackValue = STANDARD_OUTPUT, order = 52,
            description = "Write the report as Markdown.")
    private String markdown;

    @Option(names = "--plot", paramLabel = "FILE.svg|FILE.png", order = 53,
            description = "Draw the runs as a picture.")
    private Path plot;

    /** What a report looks like in each of its forms. */
    public interface Form {
        /** Text for people, with a table. */
        String forTerminal();

        /** The same in Markdown. */
        String markdown();

        /** The runs as comma-separated values. */
        String csv();

        /** The report as nested maps and lists of numbers, texts and nulls. */
        Map<String, Object> toMap();

        /** The charts of the report. */
        List<? extends Drawing> drawings();
    }

    /**
     * Looks at the options before work begins.
     *
     * @throws UsageError if they do not fit together
     * @throws Failure    if a file could not be written in the end
     */
    public void check() {
        if (Stream.of(json, csv, markdown).filter(STANDARD_OUTPUT::equals).count() > 1) {
            throw new UsageError("only one of --json, --csv and --markdown can go to standard output");
        }
        if (plot != null && !PlotFile.isKnown(plot)) {
            throw new UsageError("--plot must end in .svg or .png, got " + plot);
        }
        Stream.of(json, csv, markdown).filter(file -> file != null && !file.equals(STANDARD_OUTPUT))
                .map(ReportOptions::path).forEach(ReportOptions::checkFolder);
        if (plot != null) {
            checkFolder(plot);
        }
    }

    /** Whether a form of the report takes the place of the table on standard output. */
    public boolean takesStandardOutput() {
        return Stream.of(json, csv, markdown).anyMatch(STANDARD_OUTPUT::equals);
    }

    /** Whether a picture is asked for. */
    public boolean drawsPlot() {
        return plot != null;
    }

    /** Writes all that was asked for. */
    public void write(Form report, PrintWriter out) throws IOException {
        if (!takesStandardOutput()) {
            out.print(report.forTerminal());
        }
        if (json != null) {
            put(json, JsonReport.text(report.toMap()), out);
        }
        if (csv != null) {
            put(csv, report.csv(), out);
        }
        if (markdown != null) {
            put(markdown, report.markdown(), out);
        }
        if (plot != null) {
            PlotFile.write(plot, report.drawings());
        }
    }

    /**
     * Finds out before hours of work that a file could not be written after them.
     *
     * @throws Failure if the file is a folder or its folder does not exist or is not writable
     */
    public static void checkFolder(Path file) {
        Path folder = file.toAbsolutePath().getParent();
        if (Files.isDirectory(file)) {
            throw new Failure(file + ": cannot be written: this is a folder");
        }
        if (folder == null || !Files.isDirectory(folder)) {
            throw new Failure(file + ": cannot be written: its folder does not exist");
        }
        if (!Files.isWritable(Files.exists(file) ? file : folder)) {
            throw new Failure(file + ": cannot be written: no permission");
        }
    }

    private static void put(String file, String text, PrintWriter out) throws IOException {
        if (file.equals(STANDARD_OUTPUT)) {
            out.print(text);
        } else {
            AtomicFile.write(path(file), stream -> stream.write(text.getBytes(StandardCharsets.UTF_8)));
        }
    }

    private static Path path(String file) {
        try {
            return Path.of(file);
        } catch (InvalidPathException e) {
            throw new UsageError("not a file name: " + e.getMessage());
        }
    }
}
