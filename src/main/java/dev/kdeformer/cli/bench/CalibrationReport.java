package dev.kdeformer.cli.bench;

import dev.kdeformer.Calibration;
import dev.kdeformer.Calibration.Effort;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.Table;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A calibration and what it is worth.
 *
 * @param calibration what was found
 * @param method      that was timed
 * @param threads     number of threads
 * @param lines       one for each input
 */
public record CalibrationReport(Calibration calibration, String method, int threads, List<Line> lines) implements Form {
    /**
     * What was measured on one input.
     *
     * @param input      what was attended
     * @param exactMs    median time of exact attention
     * @param searched   the method without the calibration
     * @param calibrated the method with it
     */
    record Line(NamedInput input, double exactMs, Way searched, Way calibrated) {
    }

    /**
     * One way to keep the budget.
     *
     * @param ms    median time of a call
     * @param error relative spectral error of the worst head
     * @param note  what the method says of its choices
     */
    record Way(double ms, double error, String note) {
    }

    /** An effort with the head that it is for. */
    private record Head(int index, Effort effort) {
    }

    private List<Head> heads() {
        List<Head> heads = new ArrayList<>();
        calibration.efforts().forEach(effort -> heads.add(new Head(heads.size(), effort)));
        return heads;
    }

    private static Columns<Head> efforts() {
        return new Columns<Head>()
                .text("head", "head", Head::index)
                .text("kind", "kind", head -> head.effort().kind().name().toLowerCase(Locale.ROOT).replace('_', '-'))
                .figure("rung", "rung", head -> head.effort().rung())
                .figure("estimated error", "error", head -> head.effort().error());
    }

    private static Columns<Line> times() {
        return new Columns<Line>()
                .text("input", "input", line -> line.input().name())
                .figure("exact ms", "exactMs", Line::exactMs)
                .figure("searched ms", "searchedMs", line -> line.searched().ms())
                .both("speed-up", "searchedSpeedup", line -> line.exactMs() / line.searched().ms(),
                        line -> Sentences.times(line.exactMs() / line.searched().ms()))
                .figure("error", "searchedError", line -> line.searched().error())
                .figure("calibrated ms", "calibratedMs", line -> line.calibrated().ms())
                .both("speed-up", "calibratedSpeedup", line -> line.exactMs() / line.calibrated().ms(),
                        line -> Sentences.times(line.exactMs() / line.calibrated().ms()))
                .figure("error", "calibratedError", line -> line.calibrated().error())
                .field("calibratedNote", line -> line.calibrated().note());
    }

    @Override
    public String heading() {
        return lines.size() == 1 ? Report.heading(lines.get(0).input(), threads)
                : lines.stream().map(line -> line.input().name() + ": " + line.input().shape() + "\n")
                        .collect(Collectors.joining()) + Machine.line() + "; " + Sentences.count(threads, "thread");
    }

    @Override
    public List<Table> tables() {
        return List.of(efforts().table(heads()), times().table(lines));
    }

    @Override
    public List<String> notes() {
        List<String> notes = new ArrayList<>();
        notes.add("For relative spectral errors of at most " + calibration.budget() + ". kind: which passes compute the"
                + " head; rung: their effort; estimated error: from the exact rows of the calibration.");
        notes.add("searched, calibrated: " + method + " without and with the calibration; times are medians of warm"
                + " calls that took turns, error is the measured one of the worst head.");
        lines.stream().filter(line -> !line.calibrated().note().isEmpty()).map(line -> line.input().name() + ": "
                + line.calibrated().note()).distinct().forEach(notes::add);
        return notes;
    }

    @Override
    public String csv() {
        return efforts().csv(heads());
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("machine", Machine.facts());
        map.put("method", method);
        map.put("threads", threads);
        map.put("budget", calibration.budget());
        map.put("causal", calibration.causal());
        map.put("heads", efforts().maps(heads()));
        map.put("inputs", times().maps(lines));
        return map;
    }

    @Override
    public List<? extends Drawing> drawings() {
        return List.of();
    }
}
