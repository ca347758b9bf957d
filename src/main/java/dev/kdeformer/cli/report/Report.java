package dev.kdeformer.cli.report;

import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.measure.Certificate;
import dev.kdeformer.measure.ErrorMeasures;
import dev.kdeformer.measure.ErrorReport;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * What a command measured: the input, and one run for each method and budget. {@link #toMap} is the form that scripts
 * read, so its keys stay as they are; a command that knows more may add keys of its own.
 *
 * @param input what was attended
 * @param runs  in the order in which they are shown
 */
public record Report(NamedInput input, List<Run> runs) {
    /** The error measures by their names in reports, in the order in which they are shown. */
    public static final Map<String, ToDoubleFunction<ErrorMeasures>> MEASURES = measures();

    /** The measures that tables show; files have the percentiles of row errors too. */
    public static final List<ToDoubleFunction<ErrorMeasures>> SHOWN = List.of(ErrorMeasures::spectral,
            ErrorMeasures::spectralCentred, ErrorMeasures::frobeniusCentred, ErrorMeasures::maxRow);

    /**
     * One method at one budget.
     *
     * @param method      its name
     * @param parameters  its options
     * @param columns     key evaluations per query
     * @param threads     number of threads
     * @param seed        seed of everything random
     * @param times       how long a call takes
     * @param speedup     against exact attention of this process, NaN if that was not run
     * @param error       relative errors against the exact output by head, or null
     * @param certificate the error estimated from sampled exact rows, or null
     * @param note        one sentence on a choice that the method made, or the empty string
     */
    public record Run(String method, Map<String, Object> parameters, double columns, int threads, long seed,
            Times times, double speedup, ErrorReport error, Certificate certificate, String note) {
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

    /** The report as nested maps and lists of numbers, texts and nulls. */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("machine", Machine.facts());
        map.put("input", inputMap(input));
        map.put("runs", runs.stream().map(Report::runMap).toList());
        return map;
    }

    private static Map<String, Object> inputMap(NamedInput named) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("name", named.name());
        map.put("batch", named.input().batch());
        map.put("heads", named.input().heads());
        map.put("kvHeads", named.input().kvHeads());
        map.put("n", named.input().queries());
        map.put("m", named.input().keys());
        map.put("d", named.input().d());
        map.put("dv", named.input().dv());
        map.put("scale", number(named.input().scale()));
        map.put("causal", named.input().mask().isCausal());
        if (named.input().mask().hasWindow()) {
            map.put("window", named.input().mask().window());
        }
        return map;
    }

    public static Map<String, Object> runMap(Run run) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("method", run.method());
        Map<String, Object> parameters = new LinkedHashMap<>();
        run.parameters().forEach((name, value) -> parameters.put(name, plain(value)));
        map.put("parameters", parameters);
        map.put("columns", number(run.columns()));
        map.put("threads", run.threads());
        map.put("seed", run.seed());
        map.put("medianMs", number(run.times().medianMs()));
        map.put("minMs", number(run.times().minMs()));
        map.put("speedup", number(run.speedup()));
        map.put("error", run.error() == null ? null : errorMap(run.error()));
        map.put("certificate", run.certificate() == null ? null : certificateMap(run.certificate()));
        return map;
    }

    private static Map<String, Object> errorMap(ErrorReport error) {
        Map<String, Object> map = new LinkedHashMap<>();
        MEASURES.forEach((name, measure) -> {
            Map<String, Object> spread = new LinkedHashMap<>();
            spread.put("mean", number(measure.applyAsDouble(error.mean())));
            spread.put("max", number(measure.applyAsDouble(error.max())));
            map.put(name, spread);
        });
        return map;
    }

    private static Map<String, Object> certificateMap(Certificate certificate) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("rows", certificate.rows());
        map.put("estimate", number(certificate.estimate()));
        map.put("low", number(certificate.low()));
        map.put("high", number(certificate.high()));
        map.put("confidence", number(certificate.confidence()));
        return map;
    }

    private static Object plain(Object value) {
        return switch (value) {
            case null -> null;
            case Boolean flag -> flag;
            case Double number -> number(number);
            case Float number -> number(number);
            case Number number -> number;
            default -> value.toString();
        };
    }

    /** A number as JSON knows it: whole numbers without a fraction, null for what is not finite. */
    public static Object number(double value) {
        if (!Double.isFinite(value)) {
            return null;
        }
        return value == Math.rint(value) && Math.abs(value) < 1L << 53 ? (Object) (long) value : (Object) value;
    }

    private static Object number(float value) {
        // By way of its decimal text, so that 0.1f is shown as 0.1 and not as 0.10000000149.
        return number(Double.parseDouble(Float.toString(value)));
    }
}
