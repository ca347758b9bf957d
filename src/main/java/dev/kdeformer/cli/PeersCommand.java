package dev.kdeformer.cli;

import dev.kdeformer.cli.bench.PeerBench;
import dev.kdeformer.cli.bench.PeerReport;
import dev.kdeformer.cli.bench.TurnsOptions;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.input.RandomInputOptions;
import dev.kdeformer.cli.peers.Peer;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.OutputFiles;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Times exact attention beside the engines that {@link ServiceLoader} finds. */
@Command(name = "peers",
        description = {"Time exact attention beside ONNX Runtime and PyTorch: same input, same threads, in turns, "
            + "outputs checked against each other.",
            "Peers that have no counterpart to a mask or bias of the input are left out; those that want a bias as "
                + "a matrix get one, which is not timed. Memory is what a call takes besides inputs and output.",
            "Without an input option it takes random queries, keys and values: --n rows (default: 4096) of --d "
            + "features for --heads heads. In a turn, a call shorter than 20 ms is repeated."},
        footer = {"", "Examples:", "  kdebench peers --n 4096 --d 64 --threads 1",
            "  kdebench peers --n 512 --heads 12 --causal --json",
            "  kdebench peers --n 4096 --key-lengths 3000", "  kdebench peers --n 1024 --heads 12 --alibi"})
final class PeersCommand extends TimedCommand {
    /** How to get the peers, for whoever has none. */
    static final String MISSING = "no peers are installed; 'mvn -Ppeers package -DskipTests' in the project's folder "
            + "fetches ONNX Runtime and PyTorch, some 200 MB, into target/kdebench/peers";

    @Mixin
    private RandomInputOptions inputOptions = new RandomInputOptions(4096);

    @Mixin
    private TurnsOptions turns = new TurnsOptions(7);

    private final List<String> notes = new ArrayList<>();
    private List<Peer> peers;

    @Override
    void check(OutputFiles files) {
        turns.check();
        peers = find(notes);
    }

    @Override
    Form work(Session session) throws IOException {
        NamedInput input = inputOptions.load(session.arena(), seed());
        PeerReport report;
        try (PeerBench bench = new PeerBench(session.engine(), input, seed(), peers, notes)) {
            session.progress().follow(bench::progress);
            report = bench.run(session.progress(), turns);
        }
        if (takesStandardOutput()) {
            PrintWriter err = spec().commandLine().getErr();
            notes.forEach(note -> err.println("kdebench peers: " + Sentences.oneLine(note)));
        }
        return report;
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
