package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.BarPanel;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.ReportOptions;
import dev.kdeformer.cli.report.Table;
import dev.kdeformer.cli.report.TextReport;
import dev.kdeformer.measure.ErrorReport;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What was measured of exact attention and its peers. Fused and unfused ones are told apart everywhere.
 *
 * @param report     the runs, exact attention first
 * @param checks     how far the output of each run is from the first one's
 * @param operations floating-point operations of a call for one batch item, 2(d + d_v) for each pair of a query and a
 *                   key that it sees, so that a peer gets nothing for computing what a mask hides
 * @param notes      sentences to put below the table
 */
public record PeerReport(Report report, List<Check> checks, double operations, List<String> notes)
        implements ReportOptions.Form {
    /**
     * An output beside this engine's.
     *
     * @param difference largest difference of an element, relative to the largest element
     * @param error      the errors by head
     */
    record Check(double difference, ErrorReport error) {
    }

    @Override
    public String forTerminal() {
        StringBuilder text = new StringBuilder(TextReport.heading(report)).append("\n\n")
                .append(table().forTerminal()).append('\n');
        sentences().forEach(sentence -> text.append(sentence).append('\n'));
        return text.toString();
    }

    @Override
    public String markdown() {
        StringBuilder text = new StringBuilder(TextReport.heading(report).replace("\n", "  \n")).append("\n\n")
                .append(table().markdown());
        sentences().forEach(sentence -> text.append('\n').append(sentence).append('\n'));
        return text.toString();
    }

    @Override
    public String csv() {
        return new TextReport(report).csv();
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = report.toMap();
        List<Object> runs = new ArrayList<>();
        for (int i = 0; i < report.runs().size(); i++) {
            Map<String, Object> run = new LinkedHashMap<>(Report.runMap(report.runs().get(i)));
            run.put("gflops", gflops(report.runs().get(i)));
            run.put("maxDifference", checks.get(i).difference());
            runs.add(run);
        }
        map.put("runs", runs);
        return map;
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

    private Table table() {
        Table table = Table.ofNumbers("method", "version", "fused", "median ms", "min ms", "GFLOP/s", "speed-up",
                "max difference");
        for (int i = 0; i < report.runs().size(); i++) {
            Report.Run run = report.runs().get(i);
            table.row(run.method(), String.valueOf(run.parameters().get("version")), isFused(run) ? "yes" : "no",
                    Sentences.digits(run.times().medianMs()), Sentences.digits(run.times().minMs()),
                    Sentences.digits(gflops(run)), Sentences.digits(run.speedup()) + "x",
                    Sentences.digits(checks.get(i).difference()));
        }
        return table;
    }

    private List<String> sentences() {
        List<String> sentences = new ArrayList<>();
        fastest(true).ifPresent(run -> sentences.add(against(run, "fused")));
        fastest(false).ifPresent(run -> sentences.add(against(run, "unfused")));
        if (report.input().input().mask().isCausal() && report.runs().size() > 1) {
            sentences.add("GFLOP/s count the pairs that the mask shows; an unfused peer computes the others too");
        }
        sentences.addAll(notes);
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
