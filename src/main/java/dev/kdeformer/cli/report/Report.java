package dev.kdeformer.cli.report;

import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.measure.Certificate;
import dev.kdeformer.measure.ErrorMeasures;
import dev.kdeformer.measure.ErrorReport;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * What a command measured of methods on one input.
 *
 * @param input   what was attended
 * @param runs    one for each method and budget, in the order in which they are shown
 * @param leftOut why, by the name of each method that cannot do this input
 */
public record Report(NamedInput input, List<Run> runs, Map<String, String> leftOut) implements Form {
    /** What is said of evaluations and cost below a table that shows both. */
    public static final String COUNTS = "evaluations: key evaluations per query, as the method counts them. cost: key "
            + "evaluations per query that exact attention makes in the same time.";

    /** The error measures by their names in files, in the order in which they are shown. */
    private static final Map<String, ToDoubleFunction<ErrorMeasures>> MEASURES = measures();

    /**
     * What ran.
     *
     * @param method     the method's name
     * @param parameters its options
     * @param threads    number of threads
     * @param seed       seed of everything random
     */
    public record Setting(String method, Map<String, Object> parameters, int threads, long seed) {
    }

    /**
     * What a run took.
     *
     * @param evaluations key evaluations per query, as the method counts them
     * @param visible     keys that a query sees, the mean over all: the key evaluations of exact attention
     * @param times       how long a call takes
     * @param speedup     against exact attention of this process, NaN if that was not run
     */
    public record Spent(double evaluations, double visible, Times times, double speedup) {
    }

    /**
     * One method at one budget.
     *
     * @param setting     what ran
     * @param spent       what it took
     * @param error       relative errors against the exact output by head, or null
     * @param certificate the error estimated from sampled exact rows, or null
     * @param note        one sentence on a choice that the method made, or the empty string
     */
    public record Run(Setting setting, Spent spent, ErrorReport error, Certificate certificate, String note) {
        /** The method's name. */
        public String method() {
            return setting.method;
        }

        /** The method's options. */
        public Map<String, Object> parameters() {
            return setting.parameters;
        }

        /** Number of threads. */
        public int threads() {
            return setting.threads;
        }

        /** Seed of everything random. */
        public long seed() {
            return setting.seed;
        }

        /** Key evaluations per query. */
        public double evaluations() {
            return spent.evaluations;
        }

        /** Keys that a query sees, the mean over all. */
        public double visible() {
            return spent.visible;
        }

        /** How long a call takes. */
        public Times times() {
            return spent.times;
        }

        /** How much faster a call is than exact attention of this process; NaN if that was not run. */
        public double speedup() {
            return spent.speedup;
        }

        /** Key evaluations of exact attention per query in the time of this run; NaN if that was not run. */
        public double cost() {
            return visible() / speedup();
        }
    }

    /** A report in which no method is left out. */
    public Report(NamedInput input, List<Run> runs) {
        this(input, runs, Map.of());
    }

    private static Map<String, ToDoubleFunction<ErrorMeasures>> measures() {
        Map<String, ToDoubleFunction<ErrorMeasures>> measures = new LinkedHashMap<>();
        measures.put("spectral", ErrorMeasures::spectral);
        measures.put("spectralCentred", ErrorMeasures::spectralCentred);
        measures.put("frobeniusCentred", ErrorMeasures::frobeniusCentred);
        measures.put("maxRow", ErrorMeasures::maxRow);
        measures.put("row50", ErrorMeasures::row50);
        measures.put("row99", ErrorMeasures::row99);
        measures.put("row999", ErrorMeasures::row999);
        return Collections.unmodifiableMap(measures);
    }

    /**
     * Method, evaluations and times of a run.
     *
     * @param cost whether tables show what the time corresponds to; files always hold it
     */
    public static Columns<Run> timed(boolean cost) {
        Columns<Run> leading = new Columns<Run>()
                .text("method", "method", Run::method)
                .field("parameters", Run::parameters)
                .count("evaluations", "evaluations", Run::evaluations);
        if (cost) {
            leading.cell("cost", run -> Double.isNaN(run.cost()) ? "-" : Sentences.count(run.cost()));
        }
        return leading
                .field("threads", Run::threads)
                .field("seed", Run::seed)
                .figure("median ms", "medianMs", run -> run.times().medianMs())
                .figure("min ms", "minMs", run -> run.times().minMs())
                .both("speed-up", "speedup", Run::speedup, run -> Sentences.times(run.speedup()))
                .field("cost", Run::cost);
    }

    /** The errors of a run: in a table the mean over heads, and the maximum where there is more than one head. */
    public static Columns<Run> errors() {
        Columns<Run> columns = new Columns<Run>()
                .cell("spectral", run -> shown(run, "spectral"))
                .cell("centred", run -> shown(run, "spectralCentred"))
                .cell("Frobenius", run -> shown(run, "frobeniusCentred"))
                .cell("max row", run -> shown(run, "maxRow"));
        MEASURES.forEach((name, measure) -> columns
                .field(name + "Mean", "error." + name + ".mean", of(Run::error,
                        error -> measure.applyAsDouble(error.mean())))
                .field(name + "Max", "error." + name + ".max", of(Run::error,
                        error -> measure.applyAsDouble(error.max()))));
        return columns;
    }

    private static Columns<Run> certificates(String header) {
        return new Columns<Run>()
                .cell(header, run -> certified(run.certificate()))
                .field("certificateRows", "certificate.rows", of(Run::certificate, Certificate::rows))
                .field("certificateEstimate", "certificate.estimate", of(Run::certificate, Certificate::estimate))
                .field("certificateLow", "certificate.low", of(Run::certificate, Certificate::low))
                .field("certificateHigh", "certificate.high", of(Run::certificate, Certificate::high))
                .field("certificateConfidence", "certificate.confidence",
                        of(Run::certificate, Certificate::confidence));
    }

    /** What is said about a run. */
    public static Columns<Run> remarks() {
        return new Columns<Run>().field("note", run -> run.note().isEmpty() ? null : run.note());
    }

    /** What files hold of a run, whatever the command. */
    public static Columns<Run> fields() {
        return new Columns<Run>().withFields(columns("certified", false), run -> run);
    }

    private static Columns<Run> columns(String certified, boolean cost) {
        Function<Run, Run> same = Function.identity();
        return timed(cost).with(errors(), same).with(certificates(certified), same).with(remarks(), same);
    }

    private Columns<Run> columns() {
        return columns(runs.stream().map(Run::certificate).filter(Objects::nonNull).findFirst()
                .map(each -> String.format(Locale.ROOT, "certified (%.0f %%)", 100 * each.confidence()))
                .orElse("certified"), hasCost());
    }

    /** Whether exact attention was run, which says what a time is worth. */
    private boolean hasCost() {
        return runs.stream().anyMatch(run -> !Double.isNaN(run.cost()));
    }

    /** The name and the lengths of an input, which lead every line of a file that may be joined with others. */
    public static <R> Columns<R> lead(Function<R, NamedInput> input) {
        return new Columns<R>()
                .field("input", line -> input.apply(line).name())
                .field("n", line -> input.apply(line).input().queries())
                .field("m", line -> input.apply(line).input().keys());
    }

    /** The value of a part of a run, or null where there is no such part. */
    private static <P> Function<Run, Object> of(Function<Run, P> part, Function<P, Object> value) {
        return run -> {
            P known = part.apply(run);
            return known == null ? null : value.apply(known);
        };
    }

    private static String shown(Run run, String name) {
        ErrorReport error = run.error();
        ToDoubleFunction<ErrorMeasures> measure = MEASURES.get(name);
        return error == null ? "-" : Sentences.digits(measure.applyAsDouble(error.mean()))
                + (error.each().size() == 1 ? "" : " / " + Sentences.digits(measure.applyAsDouble(error.max())));
    }

    private static String certified(Certificate certificate) {
        return certificate == null ? "-" : Sentences.digits(certificate.estimate()) + " ["
                + Sentences.digits(certificate.low()) + ", " + Sentences.digits(certificate.high()) + "]";
    }

    @Override
    public String heading() {
        return heading(input, runs.isEmpty() ? 0 : runs.get(0).threads());
    }

    /** Input, machine and threads, as every report begins; 0 threads are not mentioned. */
    public static String heading(NamedInput input, int threads) {
        return input.name() + ": " + input.shape() + (input.about().isEmpty() ? "" : "\n" + input.about()) + "\n"
                + Machine.line() + (threads == 0 ? "" : "; " + Sentences.count(threads, "thread"));
    }

    @Override
    public List<Table> tables() {
        return List.of(columns().table(runs));
    }

    @Override
    public List<String> notes() {
        int heads = input.input().batch() * input.input().heads();
        List<String> notes = new ArrayList<>();
        if (hasCost()) {
            notes.add(COUNTS);
        }
        if (runs.stream().anyMatch(run -> run.error() != null)) {
            notes.add("spectral: |O' - O| / |O|, O the exact output. centred: |O' - O| / |O - mean row of O|, also in "
                    + "the Frobenius norm and for the worst row."
                    + (heads == 1 ? "" : " Mean / maximum over " + heads + " heads."));
        }
        runs.stream().map(Run::certificate).filter(Objects::nonNull).findFirst()
                .ifPresent(certificate -> notes.add("certified: |O' - O| / |O| in the Frobenius norm, estimated from "
                        + certificate.rows() + " exact rows" + (heads == 1 ? "" : " of each head") + "."));
        runs.stream().filter(run -> !run.note().isEmpty()).map(run -> run.method() + ": " + run.note()).distinct()
                .forEach(notes::add);
        notes.addAll(leftOut(leftOut));
        return notes;
    }

    /** A sentence for each method that was left out; one for all of those that have the same reason. */
    public static List<String> leftOut(Map<String, String> reasons) {
        Map<String, List<String>> methods = new LinkedHashMap<>();
        reasons.forEach((method, reason) -> methods.computeIfAbsent(reason.replaceFirst("^method " + method + " ", ""),
                key -> new ArrayList<>()).add(method));
        return methods.entrySet().stream().map(each -> {
            boolean one = each.getValue().size() == 1;
            return String.join(", ", each.getValue()) + (one ? " is left out: " : " are left out: ")
                    + each.getKey().replaceFirst("^takes ", one ? "it takes " : "they take ");
        }).toList();
    }

    @Override
    public String csv() {
        return Report.<Run>lead(run -> input).with(columns(), run -> run).csv(runs);
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = about(input);
        map.put("runs", columns().maps(runs));
        if (!leftOut.isEmpty()) {
            map.put("leftOut", leftOut);
        }
        return map;
    }

    /** Machine and input, as every report's JSON begins. */
    public static Map<String, Object> about(NamedInput input) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("machine", Machine.facts());
        map.put("input", INPUT.map(input));
        return map;
    }

    private static final Columns<NamedInput> INPUT = new Columns<NamedInput>()
            .field("name", NamedInput::name)
            .field("batch", named -> named.input().batch())
            .field("heads", named -> named.input().heads())
            .field("kvHeads", named -> named.input().kvHeads())
            .field("n", named -> named.input().queries())
            .field("m", named -> named.input().keys())
            .field("d", named -> named.input().d())
            .field("dv", named -> named.input().dv())
            .field("scale", named -> named.input().scale())
            .field("causal", named -> named.input().mask().isCausal())
            .field("window", named -> named.input().mask().hasWindow() ? named.input().mask().window() : null);

    @Override
    public List<? extends Drawing> drawings() {
        return PlotReport.panels(this);
    }
}
