package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.Plain;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.Table;
import dev.kdeformer.decode.SparseDecoding;
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
 * @param bytes      bytes of all keys and values as each run finds them stored
 * @param cache      how the cache was filled
 */
public record DecodeReport(Report report, List<SparseDecoding.Statistics> statistics, int queries,
        List<Double> bytes, Cache cache) implements Form {
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

    /** A run with what it read. */
    private record Line(Report.Run run, SparseDecoding.Statistics read, double gigabytesPerSecond) {
    }

    private List<Line> lines() {
        List<Line> lines = new ArrayList<>();
        for (int i = 0; i < report.runs().size(); i++) {
            lines.add(new Line(report.runs().get(i), statistics.get(i), speed(i)));
        }
        return lines;
    }

    private static Columns<Line> columns() {
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
                .figure("predicted", "predictedError", line -> line.read().predictedError())
                .figure("checked", "checkedError", line -> line.read().checkedError());
    }

    @Override
    public String heading() {
        return report.heading();
    }

    @Override
    public List<Table> tables() {
        return List.of(columns().table(lines()));
    }

    @Override
    public String csv() {
        return Report.<Line>lead(line -> report.input()).with(columns(), line -> line).csv(lines());
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

    @Override
    public List<? extends Drawing> drawings() {
        return report.drawings();
    }

    private double speed(int run) {
        return statistics.get(run).bytesRead() * bytes.get(run) / (report.runs().get(run).times().medianMs() * 1e6);
    }

    @Override
    public List<String> notes() {
        List<String> notes = new ArrayList<>();
        notes.add(queries + " queries, one at a time with all heads; times are those of one query");
        notes.add("appending and indexing: " + rate(cache.filledPerSecond()) + " at once, "
                + rate(cache.grownPerSecond()) + " in steps of " + DecodeBench.APPENDED + "; the cache holds "
                + Sentences.bytes(cache.bytes().get(0)) + " for " + Sentences.bytes(bytes.get(0))
                + " of keys and values");
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
        notes.add("predicted: the error of a row as expected from the groups that were read and the summaries of the "
                + "others; checked: estimated from some of these");
        return notes;
    }

    private static String rate(double rowsPerSecond) {
        return Sentences.count(Math.rint(rowsPerSecond)) + " rows/s";
    }
}
