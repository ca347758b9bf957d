package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Panel;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.ReportOptions;
import dev.kdeformer.cli.report.Table;
import dev.kdeformer.cli.report.TextReport;
import dev.kdeformer.measure.Interval;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * What became of error budgets.
 *
 * @param input      what was attended
 * @param method     which method
 * @param threads    number of threads
 * @param confidence of the certificates
 * @param rows       exact rows of each head that a certificate samples
 * @param cases      one for each budget, seed and head
 */
public record BudgetReport(NamedInput input, String method, int threads, double confidence, int rows, List<Case> cases)
        implements ReportOptions.Form {
    /**
     * One head of one run.
     *
     * @param budget    the relative spectral error it may have
     * @param seed      of the method and of the certificate
     * @param head      index, heads of the first batch item first
     * @param spectral  the relative spectral error it has
     * @param frobenius its relative error in the Frobenius norm
     * @param certified what the certificate says of the latter
     * @param columns   key evaluations per query of the whole run, all heads
     * @param time      time of the run, all heads, as a part of that of exact attention
     */
    record Case(double budget, long seed, int head, double spectral, double frobenius, Interval certified,
            double columns, double time) {
        boolean isKept() {
            return spectral < budget;
        }

        /** Whether the head was computed exactly: then there is no error for a certificate to hold. */
        boolean isExact() {
            return frobenius == 0;
        }

        boolean isCovered() {
            return certified.low() <= frobenius && frobenius <= certified.high();
        }
    }

    @Override
    public String forTerminal() {
        return heading() + "\n\n" + table().forTerminal() + "\n" + notes();
    }

    @Override
    public String markdown() {
        return heading().replace("\n", "  \n") + "\n\n" + table().markdown() + "\n" + notes();
    }

    private String heading() {
        return input.name() + ": " + input.shape() + (input.about().isEmpty() ? "" : "\n" + input.about()) + "\n"
                + Machine.line() + "; " + threads + (threads == 1 ? " thread" : " threads");
    }

    private Table table() {
        Table table = Table.ofNumbers("input", "head", "budget", "seeds", "kept", "median error", "largest error",
                "exact", "certificate holds", "columns", "time of exact");
        Map<Integer, Map<Double, List<Case>>> groups = cases.stream().collect(Collectors.groupingBy(Case::head,
                TreeMap::new, Collectors.groupingBy(Case::budget, LinkedHashMap::new, Collectors.toList())));
        groups.forEach((head, budgets) -> budgets.forEach((budget, group) -> {
            long exact = group.stream().filter(Case::isExact).count();
            table.row(input.name(), head.toString(), budget.toString(), String.valueOf(group.size()),
                    String.valueOf(group.stream().filter(Case::isKept).count()),
                    Sentences.digits(median(group, Case::spectral)),
                    Sentences.digits(group.stream().mapToDouble(Case::spectral).max().orElse(0)),
                    String.valueOf(exact), exact == group.size() ? "-" : covered(group) + " of " + approximate(group),
                    Sentences.count(median(group, Case::columns)), Sentences.digits(median(group, Case::time)));
        }));
        return table;
    }

    private static long covered(List<Case> group) {
        return group.stream().filter(each -> !each.isExact() && each.isCovered()).count();
    }

    private static long approximate(List<Case> group) {
        return group.stream().filter(each -> !each.isExact()).count();
    }

    private static double median(List<Case> group, ToDoubleFunction<Case> measure) {
        double[] sorted = group.stream().mapToDouble(measure).sorted().toArray();
        int half = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }

    private String notes() {
        long kept = cases.stream().filter(Case::isKept).count();
        List<String> notes = new ArrayList<>();
        notes.add(String.format(Locale.ROOT, "Budget kept in %d of %d cases (%.1f %%) of (head, budget, seed).", kept,
                cases.size(), 100.0 * kept / cases.size()));
        long approximate = approximate(cases);
        if (approximate > 0) {
            notes.add(String.format(Locale.ROOT,
                    "The certificate's interval (%.0f %%, %d rows) holds the true Frobenius"
                    + " error in %d of %d cases (%.1f %%).", 100 * confidence, rows, covered(cases), approximate,
                    100.0 * covered(cases) / approximate));
        }
        notes.add("exact: seeds with which the head was computed exactly; there is then nothing to certify.");
        notes.add("columns and time are those of the whole run, all heads; times are single calls.");
        return String.join("\n", notes) + "\n";
    }

    @Override
    public String csv() {
        return TextReport.csv(cases.stream().map(each -> {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("input", input.name());
            line.put("method", method);
            line.putAll(map(each));
            return line;
        }).toList());
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = new Report(input, List.of()).toMap();
        map.remove("runs");
        map.put("method", method);
        map.put("threads", threads);
        map.put("confidence", Report.number(confidence));
        map.put("certificateRows", rows);
        map.put("cases", cases.stream().map(BudgetReport::map).toList());
        return map;
    }

    private static Map<String, Object> map(Case each) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("head", each.head());
        map.put("budget", Report.number(each.budget()));
        map.put("seed", each.seed());
        map.put("spectral", Report.number(each.spectral()));
        map.put("kept", each.isKept());
        map.put("frobenius", Report.number(each.frobenius()));
        map.put("exact", each.isExact());
        map.put("certificateEstimate", Report.number(each.certified().estimate()));
        map.put("certificateLow", Report.number(each.certified().low()));
        map.put("certificateHigh", Report.number(each.certified().high()));
        map.put("covered", each.isExact() ? null : each.isCovered());
        map.put("columns", Report.number(each.columns()));
        map.put("timeOfExact", Report.number(each.time()));
        return map;
    }

    @Override
    public List<? extends Drawing> drawings() {
        Panel panel = new Panel(input.name() + ": largest error of all seeds over the budget", "budget",
                "relative spectral error", true);
        Map<Integer, List<Case>> heads = cases.stream().collect(Collectors.groupingBy(Case::head, TreeMap::new,
                Collectors.toList()));
        heads.forEach((head, group) -> {
            Map<Double, Double> largest = new TreeMap<>();
            group.forEach(each -> largest.merge(each.budget(), each.spectral(), Math::max));
            panel.add("head " + head, largest.entrySet().stream()
                    .map(point -> new double[] {point.getKey(), point.getValue()}).toList());
        });
        return List.of(panel);
    }
}
