package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.BarPanel;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Plain;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.RunsForm;
import dev.kdeformer.measure.ErrorReport;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What was measured of exact attention and its peers. Fused and unfused ones are told apart everywhere.
 *
 * @param report     the runs, exact attention first
 * @param checks     how far the output of each run is from the first one's
 * @param operations floating-point operations of a call for one batch item, 2(d + d_v) for each pair of a query and a
 *                   key that it sees, so that a peer gets nothing for computing what a mask hides
 * @param remarks    sentences to put below the table
 */
public record PeerReport(Report report, List<Check> checks, double operations, List<String> remarks)
        implements RunsForm<PeerReport.Line> {
    /**
     * An output beside this engine's.
     *
     * @param difference largest difference of an element, relative to the largest element
     * @param error      the errors by head
     * @param memory     bytes that a call took besides inputs and output; NaN where the system does not tell
     */
    record Check(double difference, ErrorReport error, double memory) {
    }

    /** A run with its check. */
    record Line(Report.Run run, Check check) {
    }

    @Override
    public List<Line> lines() {
        return IntStream.range(0, checks.size()).mapToObj(i -> new Line(report.runs().get(i), checks.get(i))).toList();
    }

    @Override
    public Columns<Line> columns() {
        return new Columns<Line>()
                .withFields(Report.fields(), Line::run)
                .cell("method", line -> line.run().method())
                .cell("version", line -> String.valueOf(line.run().parameters().get("version")))
                .cell("fused", line -> isFused(line.run()) ? "yes" : "no")
                .cell("median ms", line -> Sentences.digits(line.run().times().medianMs()))
                .cell("min ms", line -> Sentences.digits(line.run().times().minMs()))
                .figure("GFLOP/s", "gflops", line -> gflops(line.run()))
                .both("memory MiB", "memoryBytes", line -> Plain.number(line.check().memory()),
                        line -> Sentences.digits(line.check().memory() / (1 << 20)))
                .cell("speed-up", line -> Sentences.times(line.run().speedup()))
                .figure("max difference", "maxDifference", line -> line.check().difference());
    }

    @Override
    public List<? extends Drawing> drawings() {
        int threads = report.runs().get(0).threads();
        BarPanel panel = new BarPanel(report.input().name() + ": " + report.input().shape(),
                "GFLOP/s on " + threads + (threads == 1 ? " thread" : " threads"));
        report.runs().forEach(run -> panel.add(isFused(run) ? "fused" : "unfused",
                run.method().substring(run.method().indexOf(':') + 1), gflops(run)));
        return List.of(panel);
    }

    @Override
    public List<String> notes() {
        List<String> sentences = new ArrayList<>();
        fastest(true).ifPresent(run -> sentences.add(against(run, "fused")));
        fastest(false).ifPresent(run -> sentences.add(against(run, "unfused")));
        if (report.input().input().mask().isCausal() && report.runs().size() > 1) {
            sentences.add("GFLOP/s count the pairs that the mask shows; an unfused peer computes the others too");
        }
        sentences.add("memory: by how much this process grows at most in a call of a session that has run nothing yet, "
                + "besides inputs and output");
        sentences.addAll(remarks);
        return sentences;
    }

    private Optional<Report.Run> fastest(boolean fused) {
        return peers().filter(run -> isFused(run) == fused)
                .min(Comparator.comparingDouble(run -> run.times().medianMs()));
    }

    private Stream<Report.Run> peers() {
        return report.runs().stream().filter(run -> !run.method().equals(Methods.EXACT));
    }

    private static String against(Report.Run run, String kind) {
        return "exact runs at " + Sentences.digits(1 / run.speedup()) + " times the speed of the fastest " + kind
                + " peer, " + run.method();
    }

    private static boolean isFused(Report.Run run) {
        return Boolean.TRUE.equals(run.parameters().get("fused"));
    }

    private double gflops(Report.Run run) {
        return operations * report.input().input().batch() / (run.times().medianMs() * 1e6);
    }
}
