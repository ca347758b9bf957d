package dev.kdeformer.cli;

import dev.kdeformer.Engine;
import dev.kdeformer.cli.bench.BenchOptions;
import dev.kdeformer.cli.bench.EngineOptions;
import dev.kdeformer.cli.bench.PeerBench;
import dev.kdeformer.cli.bench.PeerReport;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.Terminal;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.CutInputOptions;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.peers.Peer;
import dev.kdeformer.cli.report.ReportOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Times exact attention beside the engines that {@link ServiceLoader} finds. */
@Command(name = "peers",
        description = {"Time exact attention beside ONNX Runtime and PyTorch: same input, same threads, in turns, "
            + "outputs checked against each other.",
            "Without an input option it takes random queries, keys and values: --n rows (default: 4096) of --d "
            + "columns for --heads heads."},
        footer = {"", "Examples:", "  kdebench peers --n 4096 --d 64 --threads 1",
            "  kdebench peers --n 512 --heads 12 --causal --json"})
final class PeersCommand implements Callable<Integer> {
    /** How to get the peers, for whoever has none. */
    static final String MISSING = "no peers are installed; 'mvn -Ppeers package -DskipTests' in the project's folder "
            + "fetches ONNX Runtime and PyTorch, some 200 MB, into target/kdebench/peers";

    @Mixin
    private CutInputOptions inputOptions;

    @Option(names = "--d", paramLabel = "D", order = 21, description = "Columns of random input (default: 64).")
    private Integer columns;

    @Option(names = "--heads", paramLabel = "H", order = 22, description = "Heads of random input (default: 1).")
    private Integer heads;

    @Mixin
    private EngineOptions engineOptions;

    @Option(names = "--repeat", paramLabel = "R", order = 32, defaultValue = "7",
            description = "Turns that each engine gets to be timed, after a warm-up; in a turn, a call shorter than "
                    + "20 ms is repeated (default: ${DEFAULT-VALUE}).")
    private int repeat;

    @Option(names = "--warm-up", paramLabel = "SECONDS", order = 33, defaultValue = "1",
            description = "Run each engine before it is timed until it has not become faster for this long (default: "
                    + "${DEFAULT-VALUE}; 0 for a single run).")
    private double warmUpSeconds;

    @Mixin
    private ReportOptions reportOptions;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        BenchOptions.check(repeat, warmUpSeconds);
        reportOptions.check();
        List<String> notes = new ArrayList<>();
        List<Peer> peers = find(notes);
        PrintWriter err = spec.commandLine().getErr();
        try (Arena arena = Arena.ofShared(); Engine engine = engineOptions.engine()) {
            NamedInput input = input(arena);
            PeerReport report;
            try (PeerBench bench = new PeerBench(engine, input, engineOptions.seed(), peers, notes);
                    Progress progress = new Progress(err, Terminal.showsErrors(), bench::progress)) {
                report = bench.run(progress, warmUpSeconds, repeat);
            }
            if (reportOptions.takesStandardOutput()) {
                notes.forEach(note -> err.println("kdebench peers: " + Sentences.oneLine(note)));
            }
            reportOptions.write(report, spec.commandLine().getOut());
        }
        return 0;
    }

    private NamedInput input(Arena arena) throws IOException {
        inputOptions.withoutWindow("peers");
        if (!inputOptions.isGiven()) {
            return inputOptions.random(arena, heads == null ? 1 : heads, columns == null ? 64 : columns,
                    engineOptions.seed());
        }
        if (columns != null || heads != null) {
            throw new UsageError("--d and --heads are for random input, without --data, --q --k --v or --safetensors");
        }
        return inputOptions.load(arena);
    }

    private static List<Peer> find(List<String> notes) {
        List<Peer> peers = new ArrayList<>();
        boolean any = false;
        Iterator<Peer> found = ServiceLoader.load(Peer.class).iterator();
        while (true) {
            try {
                if (!found.hasNext()) {
                    break;
                }
                any = true;
                peers.add(found.next());
            } catch (ServiceConfigurationError e) {
                any = true;
                notes.add("a peer is left out: " + e.getMessage());
            }
        }
        if (!any) {
            notes.add(MISSING);
        }
        return peers;
    }
}
