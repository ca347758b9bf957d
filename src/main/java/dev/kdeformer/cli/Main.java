package dev.kdeformer.cli;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.Terminal;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.console.Version;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command {@code kdebench}: picks the command to run and turns what it throws into one line and an exit code. */
@Command(name = "kdebench",
        mixinStandardHelpOptions = true,
        scope = ScopeType.INHERIT,
        versionProvider = Version.class,
        synopsisSubcommandLabel = "COMMAND",
        abbreviateSynopsis = true,
        sortOptions = false,
        description = "Exact and approximate softmax attention: time, error and certificate side by side.",
        footer = {"", "Start with: kdebench run", "Options of a command: kdebench help COMMAND"},
        subcommands = {RunCommand.class, CompareCommand.class, ScaleCommand.class, BudgetCommand.class,
            CalibrateCommand.class,
            DenoiseCommand.class, DensityCommand.class, PaperCommand.class, ModelCommand.class, TrainCommand.class,
            PerplexityCommand.class, ActivationsCommand.class, ArenaCommand.class, DecodeCommand.class,
            GradcheckCommand.class, PeersCommand.class, MethodsCommand.class, DataCommand.class, InfoCommand.class})
public final class Main implements Runnable {
    private static final int USAGE_WIDTH = 100;
    /** The parser lays out no narrower help. */
    private static final int NARROWEST = 55;

    @Spec
    private CommandSpec spec;

    private Main() {
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /** The command line with all its commands. */
    @SuppressWarnings("deprecation") // of setSplitQuotedStrings, which has no successor
    static CommandLine commandLine() {
        // It warns of a quote without a second one, which is the shell's business too.
        if (System.getProperty("picocli.trace") == null) {
            CommandLine.tracer().setLevel(CommandLine.TraceLevel.OFF);
        }
        return new CommandLine(new Main())
                .setUsageHelpWidth(Math.max(NARROWEST, Math.min(USAGE_WIDTH, Terminal.width().orElse(USAGE_WIDTH))))
                // A file may be called @x, and quotes are the shell's business.
                .setExpandAtFiles(false)
                .setSplitQuotedStrings(true)
                .registerConverter(Path.class, Main::path)
                .setParameterExceptionHandler(Main::wrongCall)
                .setExecutionExceptionHandler((e, command, parsed) -> failed(e, command));
    }

    private static Path path(String file) {
        try {
            return Path.of(file);
        } catch (InvalidPathException e) {
            throw new TypeConversionException("not a file name here: '" + file + "'" + (StandardCharsets.UTF_8.name()
                    .equals(System.getProperty("sun.jnu.encoding")) ? "" : "; the locale knows no such letters, "
                            + "LC_ALL=C.UTF-8 does"));
        }
    }

    /**
     * Runs a command.
     *
     * @return 0 for success, 1 for a failure, 2 for a wrong call
     */
    static int execute(PrintWriter out, PrintWriter err, String... args) {
        CommandLine line = commandLine().setOut(out).setErr(err);
        int code;
        try {
            code = line.execute(asksForHelp(args) ? helpOf(args) : args);
        } catch (OutOfMemoryError | LinkageError e) {
            code = failed(e, line);
        }
        out.flush();
        if (code == 0 && out.checkError()) {
            code = say(line, "standard output cannot be written", 1);
        }
        return code;
    }

    private static boolean asksForHelp(String[] args) {
        return args.length > 0 && args[0].equals("help");
    }

    /** {@code help COMMAND} is {@code COMMAND --help}. */
    private static String[] helpOf(String[] args) {
        return Stream.concat(Arrays.stream(args).skip(1), Stream.of("--help")).toArray(String[]::new);
    }

    private static int wrongCall(ParameterException e, String[] args) {
        String message = e.getMessage();
        if (e instanceof UnmatchedArgumentException unmatched) {
            List<String> close = new ArrayList<>(unmatched.getSuggestions());
            if (!close.isEmpty()) {
                message += "; did you mean " + String.join(" or ", close.subList(0, Math.min(3, close.size()))) + "?";
            }
        }
        return say(e.getCommandLine(), message.replace("option option", "option"), 2);
    }

    private static int failed(Throwable e, CommandLine command) {
        if (Boolean.getBoolean("kdebench.trace")) {
            e.printStackTrace(command.getErr());
        }
        return say(command, Sentences.of(e), e instanceof UsageError ? 2 : 1);
    }

    private static int say(CommandLine command, String message, int code) {
        String name = command.getCommandSpec().qualifiedName(" ");
        String hint = code == 2 ? " (see " + name + " --help)" : "";
        command.getErr().println(name + ": " + Sentences.oneLine(message) + hint);
        command.getErr().flush();
        return code;
    }

    /** Runs the command line and ends the process with its exit code. */
    public static void main(String[] args) {
        System.exit(execute(new PrintWriter(System.out), new PrintWriter(System.err, true), args));
    }
}
