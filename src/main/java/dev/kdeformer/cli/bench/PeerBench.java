package dev.kdeformer.cli.bench;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.NativeMemory;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.Version;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.peers.Peer;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.Times;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Runs exact attention and its peers on one input: each is warmed up and its output checked, then all take turns. The
 * peers are prepared and run by the thread that makes this object.
 */
public final class PeerBench implements AutoCloseable {
    /** Largest difference from this engine's output, relative to its largest element, that still counts as equal. */
    static final double TOLERANCE = 1e-3;

    private static final String PREFIX = "peer:";
    private static final double TURN_MS = 20;
    private static final int MOST_CALLS = 1000;
    /** Long enough for the idle threads of the engine before to stop spinning. */
    private static final long PAUSE_MS = 10;

    private final Arena arena = Arena.ofShared();
    private final Engine engine;
    private final NamedInput named;
    private final AttentionInput input;
    private final long seed;
    private final List<String> notes;
    private final List<Contender> contenders = new ArrayList<>();
    private volatile double progress;

    /** What takes turns: this engine or a peer. */
    private record Contender(String method, Map<String, Object> parameters, Peer.Call call,
            Supplier<Peer.Call> again) {
    }

    /**
     * Prepares this engine and those peers that can compute the input.
     *
     * @param notes receives a sentence for every peer that is left out or slowed down by a setting
     */
    public PeerBench(Engine engine, NamedInput named, long seed, List<Peer> peers, List<String> notes) {
        this.engine = engine;
        this.named = named;
        this.input = named.input();
        this.seed = seed;
        this.notes = notes;
        AttentionMethod exact = Attention.exact().build();
        double output = (double) input.outputShape().elements() * Float.BYTES;
        Machine.requireMemory(2.0 * exact.estimate(input, engine.threads()).scratchBytes() + 4 * output
                + (peers.size() + 1) * (named.bytes() + output), "this comparison");
        Map<String, Object> parameters = new LinkedHashMap<>(exact.parameters());
        parameters.put("version", Version.text());
        parameters.put("fused", true);
        contenders.add(new Contender(exact.name(), parameters, new OwnCall(exact, engine, false),
                () -> new OwnCall(exact, Engine.create(engine.threads()), true)));
        for (Peer peer : peers) {
            try {
                add(peer);
            } catch (UnsupportedOperationException e) {
                notes.add(peer.name() + " is left out: " + e.getMessage());
            } catch (LinkageError e) {
                notes.add(peer.name() + " is left out, it does not load here: " + e.getMessage());
            }
        }
    }

    private void add(Peer peer) {
        Peer.Call call = peer.prepare(input, engine.threads());
        Map<String, Object> parameters = new LinkedHashMap<>();
        parameters.put("version", peer.version());
        parameters.put("fused", call.fused());
        contenders.add(new Contender(PREFIX + peer.name(), parameters, call,
                () -> peer.prepare(input, engine.threads())));
        if (!peer.caution().isEmpty()) {
            notes.add(peer.caution());
        }
    }

    /** The part of the work that is done, from 0 to 1; may be asked from any thread. */
    public double progress() {
        return progress;
    }

    /**
     * Runs everything.
     *
     * @throws Failure if an output is not that of this engine
     */
    public PeerReport run(Progress stages, TurnsOptions options) {
        int repeat = options.repeat();
        int count = contenders.size();
        int steps = count * (repeat + 1);
        int[] step = {0};
        int[] calls = new int[count];
        List<PeerReport.Check> checks = new ArrayList<>();
        Tensor exact = Tensor.allocate(arena, input.outputShape());
        for (int c = 0; c < count; c++) {
            Contender contender = contenders.get(c);
            stages.stage("warming up " + contender.method());
            Turns.warmUp(contender.call()::run, options.warmUpSeconds());
            long start = System.nanoTime();
            contender.call().run();
            double milliseconds = (System.nanoTime() - start) / 1e6;
            calls[c] = (int) Math.max(1, Math.min(MOST_CALLS, TURN_MS / milliseconds));
            checks.add(check(contender, exact));
            progress = (double) ++step[0] / steps;
        }
        List<Runnable> turns = new ArrayList<>();
        for (int c = 0; c < count; c++) {
            Runnable call = contenders.get(c).call()::run;
            int times = calls[c];
            turns.add(() -> {
                for (int i = 0; i < times; i++) {
                    call.run();
                }
            });
        }
        List<Times> times = Turns.take(turns, repeat, index -> {
            Contender contender = contenders.get(index);
            stages.stage("timing " + contender.method());
            progress = (double) step[0]++ / steps;
            if (engine.threads() > 1) {
                pause();
            }
            if (calls[index] > 1) {
                contender.call().run(); // the others have emptied the caches
            }
        });
        return report(checks, times, calls);
    }

    /** Compares a contender's output with the first one's, which is this engine's and is kept. */
    private PeerReport.Check check(Contender contender, Tensor exact) {
        if (contender.method().equals(Methods.EXACT)) {
            contender.call().copyOutput(exact);
            return new PeerReport.Check(0, ErrorReport.of(engine, exact, exact), memory(contender));
        }
        Tensor output = Tensor.allocate(arena, input.outputShape());
        contender.call().copyOutput(output);
        double difference = difference(output, exact);
        if (!(difference <= TOLERANCE)) {
            throw new Failure(contender.method() + " and exact disagree: their outputs differ by "
                    + Sentences.digits(difference) + " of the largest element, and at most " + TOLERANCE
                    + " is rounding");
        }
        return new PeerReport.Check(difference, ErrorReport.of(engine, output, exact), memory(contender));
    }

    /** What the first call of a session or engine of its own takes, while the one that is timed keeps its memory. */
    private static double memory(Contender contender) {
        try (Peer.Call second = contender.again().get()) {
            return NativeMemory.growth(second::run);
        }
    }

    private double difference(Tensor output, Tensor exact) {
        double largest = 0;
        double difference = 0;
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                float[] theirs = output.matrix(b, h).toArray();
                float[] ours = exact.matrix(b, h).toArray();
                for (int i = 0; i < ours.length; i++) {
                    largest = Math.max(largest, Math.abs(ours[i]));
                    difference = Math.max(difference, Math.abs((double) theirs[i] - ours[i])); // NaN stays NaN
                }
            }
        }
        return difference == 0 ? 0 : difference / largest;
    }

    private PeerReport report(List<PeerReport.Check> checks, List<Times> times, int[] calls) {
        double evaluations = visibleKeys() / input.queries();
        double exactMs = times.get(0).medianMs() / calls[0];
        List<Report.Run> runs = new ArrayList<>();
        for (int c = 0; c < contenders.size(); c++) {
            Contender contender = contenders.get(c);
            Times each = new Times(times.get(c).medianMs() / calls[c], times.get(c).minMs() / calls[c]);
            runs.add(new Report.Run(
                    new Report.Setting(contender.method(), contender.parameters(), engine.threads(), seed),
                    new Report.Spent(evaluations, evaluations, each, exactMs / each.medianMs()),
                    checks.get(c).error(), null, ""));
        }
        return new PeerReport(new Report(named, runs), checks, 2 * visibleKeys() * (input.d() + input.dv())
                * input.heads(), notes);
    }

    /** Pairs of a query and a key it sees, mean over the batch items. */
    private double visibleKeys() {
        int n = input.queries();
        double pairs = 0;
        for (int b = 0; b < input.batch(); b++) {
            for (int i = 0; i < n; i++) {
                pairs += input.mask().endKey(b, i, n, input.keys()) - input.mask().firstKey(b, i, n, input.keys());
            }
        }
        return pairs / input.batch();
    }

    private static void pause() {
        try {
            Thread.sleep(PAUSE_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // exact attention, whose turn comes, stops at this
        }
    }

    @Override
    public void close() {
        contenders.forEach(contender -> contender.call().close());
        arena.close();
    }

    /** Exact attention of this engine. */
    private final class OwnCall implements Peer.Call {
        private final AttentionMethod exact;
        private final Engine runner;
        private final boolean owned;
        private final Tensor output = Tensor.allocate(arena, input.outputShape());

        /**
         * Calls on an engine.
         *
         * @param owned whether the engine is closed with the call
         */
        OwnCall(AttentionMethod exact, Engine runner, boolean owned) {
            this.exact = exact;
            this.runner = runner;
            this.owned = owned;
        }

        @Override
        public boolean fused() {
            return true;
        }

        @Override
        public void run() {
            exact.apply(runner, input, output);
        }

        @Override
        public void copyOutput(Tensor target) {
            target.segment().copyFrom(output.segment());
        }

        @Override
        public void close() {
            if (owned) {
                runner.close(); // its tensor is closed with the arena
            }
        }
    }
}
