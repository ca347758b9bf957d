package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.Panel;
import dev.kdeformer.cli.report.Plain;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.Table;
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
 * @param sampled    how certificates were made
 * @param cases      one for each budget, seed and head
 * @param prices     one for each budget, or none
 * @param unpriced   why prices are missing that were asked for, or null
 */
public record BudgetReport(NamedInput input, String method, int threads, Sampled sampled, List<Case> cases,
        List<BudgetPrice> prices, String unpriced) implements Form {
    /**
     * How certificates were made.
     *
     * @param confidence of the certificates
     * @param rows       exact rows of each head that a certificate samples
     */
    record Sampled(double confidence, int rows) {
    }

    /**
     * One run with all heads.
     *
     * @param budget      the relative spectral error that each head may have
     * @param seed        of the method and of the certificate
     * @param evaluations key evaluations per query
     * @param time        time as a part of that of exact attention; both warm, in turns
     */
    record Run(double budget, long seed, double evaluations, double time) {
    }

    /**
     * One head of one run.
     *
     * @param run       the run
     * @param head      index, heads of the first batch item first
     * @param spectral  the relative spectral error it has
     * @param frobenius its relative error in the Frobenius norm
     * @param certified what the certificate says of the latter
     */
    record Case(Run run, int head, double spectral, double frobenius, Interval certified) {
        double budget() {
            return run.budget;
        }

        boolean isKept() {
            return spectral < budget();
        }

        /** Whether the head was computed exactly: then there is no error for a certificate to hold. */
        boolean isExact() {
            return frobenius == 0;
        }

        boolean isCovered() {
            return certified.low() <= frobenius && frobenius <= certified.high();
        }
    }

    /** The cases of a head within a budget. */
    private record Group(int head, double budget, List<Case> cases) {
    }

    @Override
    public String heading() {
        return Report.heading(input, threads);
    }

    @Override
    public List<Table> tables() {
        List<Group> groups = new ArrayList<>();
        cases.stream().collect(Collectors.groupingBy(Case::head, TreeMap::new, Collectors.groupingBy(Case::budget,
                LinkedHashMap::new, Collectors.toList()))).forEach((head, budgets) -> budgets.forEach(
                        (budget, group) -> groups.add(new Group(head, budget, group))));
        List<Table> tables = new ArrayList<>();
        tables.add(new Columns<Group>()
                .cell("input", group -> input.name())
                .cell("head", group -> String.valueOf(group.head()))
                .cell("budget", group -> String.valueOf(group.budget()))
                .cell("seeds", group -> String.valueOf(group.cases().size()))
                .cell("kept", group -> String.valueOf(group.cases().stream().filter(Case::isKept).count()))
                .cell("median error", group -> Sentences.digits(median(group.cases(), Case::spectral)))
                .cell("largest error", group -> Sentences.digits(
                        group.cases().stream().mapToDouble(Case::spectral).max().orElse(0)))
                .cell("exact", group -> String.valueOf(group.cases().size() - approximate(group.cases())))
                .cell("certificate holds", group -> approximate(group.cases()) == 0 ? "-"
                        : covered(group.cases()) + " of " + approximate(group.cases()))
                .cell("evaluations", group -> Sentences.count(median(group.cases(), each -> each.run().evaluations())))
                .cell("time of exact", group -> Sentences.digits(median(group.cases(), each -> each.run().time())))
                .table(groups));
        if (!prices.isEmpty()) {
            tables.add(BudgetPrice.columns(true).table(prices));
        }
        return tables;
    }

    private BudgetPrice price(double budget) {
        return prices.stream().filter(price -> price.budget() == budget).findFirst().orElse(null);
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

    @Override
    public List<String> notes() {
        long kept = cases.stream().filter(Case::isKept).count();
        List<String> notes = new ArrayList<>();
        notes.add(String.format(Locale.ROOT, "Budget kept in %d of %d cases (%.1f %%) of (head, budget, seed).", kept,
                cases.size(), 100.0 * kept / cases.size()));
        long approximate = approximate(cases);
        if (approximate > 0) {
            notes.add(String.format(Locale.ROOT, "The certificate's interval (%.0f %%, %d rows) holds the true"
                    + " Frobenius error in %d of %d cases (%.1f %%).", 100 * sampled.confidence(), sampled.rows(),
                    covered(cases),
                    approximate, 100.0 * covered(cases) / approximate));
        }
        notes.add("exact: seeds with which the head was computed exactly; there is then nothing to certify.");
        notes.add("evaluations and time are those of the whole run, all heads.");
        if (!prices.isEmpty()) {
            notes.add(BudgetPrice.LEGEND);
        }
        if (unpriced != null) {
            notes.add("No prices, because pilot attention does not take the input: " + unpriced);
        }
        return notes;
    }

    private static Columns<Case> columns() {
        return new Columns<Case>()
                .field("head", Case::head)
                .field("budget", Case::budget)
                .field("seed", each -> each.run().seed())
                .field("spectral", Case::spectral)
                .field("kept", Case::isKept)
                .field("frobenius", Case::frobenius)
                .field("exact", Case::isExact)
                .field("certificateEstimate", each -> each.certified().estimate())
                .field("certificateLow", each -> each.certified().low())
                .field("certificateHigh", each -> each.certified().high())
                .field("covered", each -> each.isExact() ? null : each.isCovered())
                .field("evaluations", each -> each.run().evaluations())
                .field("timeOfExact", each -> each.run().time());
    }

    @Override
    public String csv() {
        Columns<Case> all = new Columns<Case>().field("input", each -> input.name()).field("method", each -> method)
                .with(columns(), each -> each);
        return (prices.isEmpty() ? all : all.withFields(BudgetPrice.columns(false), each -> price(each.budget())))
                .csv(cases);
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = Report.about(input);
        map.put("method", method);
        map.put("threads", threads);
        map.put("confidence", Plain.number(sampled.confidence()));
        map.put("certificateRows", sampled.rows());
        map.put("cases", columns().maps(cases));
        map.put("prices", BudgetPrice.columns(true).maps(prices));
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
