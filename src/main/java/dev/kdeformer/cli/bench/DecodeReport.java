package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.Plain;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.RunsForm;
import dev.kdeformer.measure.CheckedRows;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What was measured of decoding.
 *
 * @param report     the runs, exact decoding first; times are those of one query with all its heads
 * @param statistics what each run read and how good it expected to be
 * @param queries    number of queries
 * @param target     the error at which approximate decoding stops, or 0
 * @param bytes      bytes of all keys and values as each run finds them stored
 * @param cache      how the cache was filled
 */
public record DecodeReport(Report report, List<Read> statistics, int queries, double target,
        List<Double> bytes, Cache cache) implements RunsForm<DecodeReport.Line> {
    private static final double CONFIDENCE = 0.95;

    /**
     * What was measured of the cache and of the memory it lies in.
     *
     * @param rows      keys of every head
     * @param bytes     bytes that each cache holds, index included
     * @param fillMs    time to append all rows at once
     * @param growMs    time to append them a few at a time, the index kept current
     * @param gigabytes gigabytes per second that the threads can read from memory; NaN if not measured
     */
    record Cache(int rows, List<Long> bytes, double fillMs, double growMs, double gigabytes) {
        double filledPerSecond() {
            return rows * 1e3 / fillMs;
        }

        double grownPerSecond() {
            return rows * 1e3 / growMs;
        }
    }

    /**
     * What a run read and how good it was, as means over all queries.
     *
     * @param keysRead  keys read exactly
     * @param bytesRead bytes read as a part of the bytes of all keys and values
     * @param predicted the expected relative error of a row, root mean square
     * @param rowError  the relative error of a row, root mean square
     * @param checked   errors of the queries that were decoded exactly as well, root mean square over the heads
     */
    record Read(double keysRead, double bytesRead, double predicted, double rowError, CheckedRows checked) {
    }

    /** A run with what it read. */
    record Line(Report.Run run, Read read, double gigabytesPerSecond) {
    }

    private static double within(CheckedRows checked) {
        return checked.partWithin(checked.largest(), CONFIDENCE);
    }

    @Override
    public List<Line> lines() {
        List<Line> lines = new ArrayList<>();
        for (int i = 0; i < report.runs().size(); i++) {
            lines.add(new Line(report.runs().get(i), statistics.get(i), speed(i)));
        }
        return lines;
    }

    @Override
    public Columns<Line> columns() {
        return new Columns<Line>()
                .cell("decoding", line -> line.run().method())
                .cell("cache", line -> String.valueOf(line.run().parameters().get("cache")))
                .cell("budget", line -> String.valueOf(line.run().parameters().getOrDefault("budget", "-")))
                .cell("keys", line -> Sentences.count(line.run().evaluations()))
                .withFields(Report.fields(), Line::run)
                .both("bytes read", "bytesRead", line -> line.read().bytesRead(),
                        line -> Sentences.digits(100 * line.read().bytesRead()) + " %")
                .cell("median ms", line -> Sentences.digits(line.run().times().medianMs()))
                .figure("GB/s", "gigabytesPerSecond", Line::gigabytesPerSecond)
                .cell("speed-up", line -> Sentences.times(line.run().speedup()))
                .cell("spectral", line -> Sentences.digits(line.run().error().mean().spectral()))
                .cell("centred", line -> Sentences.digits(line.run().error().mean().spectralCentred()))
                .cell("max row", line -> Sentences.digits(line.run().error().mean().maxRow()))
                .figure("row", "rowError", line -> line.read().rowError())
                .figure("predicted", "predictedError", line -> line.read().predicted())
                .figure("checked", "checkedError", line -> line.read().checked().error())
                .figure("at most", "checkedAtMost",
                        line -> line.read().checked().count() == 0 ? Double.NaN : line.read().checked().largest())
                .field("checkedQueries", line -> line.read().checked().count())
                .field("partWithin", line -> line.read().checked().count() == 0 ? null : within(line.read().checked()))
                .field("confidence", line -> line.read().checked().count() == 0 ? null : CONFIDENCE);
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = Report.about(report.input());
        map.put("queries", queries);
        map.put("bytes", Plain.number(bytes.get(0)));
        map.put("cacheBytes", cache.bytes().get(0));
        map.put("fillMs", Plain.number(cache.fillMs()));
        map.put("growMs", Plain.number(cache.growMs()));
        map.put("filledRowsPerSecond", Plain.number(cache.filledPerSecond()));
        map.put("grownRowsPerSecond", Plain.number(cache.grownPerSecond()));
        map.put("readGigabytesPerSecond", Plain.number(cache.gigabytes()));
        map.put("runs", columns().maps(lines()));
        return map;
    }

    private double speed(int run) {
        return statistics.get(run).bytesRead() * bytes.get(run) / (report.runs().get(run).times().medianMs() * 1e6);
    }

    @Override
    public List<String> notes() {
        List<String> notes = new ArrayList<>();
        notes.add(queries + " queries, one at a time with all heads; times are those of one query");
        if (cache.rows() > 0) {
            notes.add("appending and indexing: " + rate(cache.filledPerSecond()) + " at once, "
                    + rate(cache.grownPerSecond()) + " in steps of " + DecodeBench.APPENDED + "; the cache holds "
                    + Sentences.bytes(cache.bytes().get(0)) + " for " + Sentences.bytes(bytes.get(0))
                    + " of keys and values");
        }
        if (cache.bytes().size() > 1) {
            notes.add("narrower caches hold " + cache.bytes().stream().skip(1).map(Sentences::bytes)
                    .collect(Collectors.joining(" and ")) + "; their errors are relative to exact decoding of float32");
        }
        if (statistics.stream().anyMatch(read -> read.bytesRead() > 1)) {
            notes.add("bytes read: of all keys and values; above 100 % where summaries and checks are read besides, "
                    + "and where rows are read again for every query head that shares them");
        }
        if (cache.gigabytes() > 0) {
            notes.add("memory read: " + Sentences.digits(cache.gigabytes()) + " GB/s, of which exact decoding reaches "
                    + Sentences.digits(100 * speed(0) / cache.gigabytes())
                    + " %; above 100 % the cache of the processor holds a part of the keys");
        }
        notes.add("spectral: |O' - O| / |O| over the decoded queries, O by exact decoding; centred and max row: "
                + "relative to O without its mean row");
        notes.add("row: |o' - o| / |o| of a row, root mean square over queries and heads; predicted: the same as "
                + "expected from the summaries of the groups that were not read and from some groups that were, which "
                + "is no bound");
        statistics.stream().map(Read::checked).filter(checked -> checked.count() > 0).findFirst()
                .ifPresent(checked -> notes.add(guarantee(checked)));
        if (target > 0) {
            notes.addAll(missed());
        }
        notes.addAll(overspent());
        return notes;
    }

    /** Where the budget leaves nothing for keys that a query could choose. Checks are no part of it. */
    private List<String> overspent() {
        List<String> notes = new ArrayList<>();
        for (Line line : lines()) {
            Object budget = line.run().parameters().get("budget");
            if (budget instanceof Double part && part < 1 && line.read().checked().count() == 0
                    && line.read().bytesRead() > part) {
                notes.add("budget " + budget + " of " + line.run().parameters().get("cache") + " is less than the "
                        + Sentences.digits(100 * line.read().bytesRead()) + " % that the summaries of all groups and "
                        + "the youngest keys take: a query reads no other keys");
            }
        }
        return notes;
    }

    private static String guarantee(CheckedRows checked) {
        String which = "checked: the error of " + checked.count() + " queries that were drawn at random and decoded "
                + "exactly as well, outside of the times; at most: the largest of them, ";
        return which + (checked.count() >= checked.rows() ? "which are all"
                : "which at least " + (int) (100 * within(checked)) + " % of all queries keep, at a confidence of "
                + Math.round(100 * CONFIDENCE) + " %");
    }

    /** Where the target is not reached, or not for sure. */
    private List<String> missed() {
        List<String> notes = new ArrayList<>();
        for (Line line : lines()) {
            Read read = line.read();
            Object budget = line.run().parameters().get("budget");
            if (read.predicted() > target) {
                notes.add("budget " + budget + " does not reach the target of " + Sentences.digits(target)
                        + ": predicted " + Sentences.digits(read.predicted()));
            } else if (read.checked().largest() > target) {
                notes.add("budget " + budget + ": a checked query misses the target of " + Sentences.digits(target)
                        + " with " + Sentences.digits(read.checked().largest()));
            }
        }
        return notes;
    }

    private static String rate(double rowsPerSecond) {
        return Sentences.count(Math.rint(rowsPerSecond)) + " rows/s";
    }
}
