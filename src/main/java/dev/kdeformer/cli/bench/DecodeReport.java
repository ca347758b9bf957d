package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.PlotReport;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.ReportOptions;
import dev.kdeformer.cli.report.Table;
import dev.kdeformer.cli.report.TextReport;
import dev.kdeformer.decode.SparseDecoding;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What was measured of decoding.
 *
 * @param report     the runs, exact decoding first; times are those of one query with all its heads
 * @param statistics what each run read and how good it expected to be
 * @param queries    number of queries
 * @param bytes      bytes of all keys and values
 * @param cache      how the cache was filled
 */
public record DecodeReport(Report report, List<SparseDecoding.Statistics> statistics, int queries, double bytes,
        Cache cache) implements ReportOptions.Form {
    /**
     * What was measured of the cache and of the memory it lies in.
     *
     * @param rows      keys of every head
     * @param bytes     bytes that the cache holds, index included
     * @param fillMs    time to append all rows at once
     * @param growMs    time to append them a few at a time, the index kept current
     * @param gigabytes gigabytes per second that the threads can read from memory; NaN if not measured
     */
    record Cache(int rows, long bytes, double fillMs, double growMs, double gigabytes) {
        double filledPerSecond() {
            return rows * 1e3 / fillMs;
        }

        double grownPerSecond() {
            return rows * 1e3 / growMs;
        }
    }

    @Override
    public String forTerminal() {
        return TextReport.heading(report) + "\n\n" + table().forTerminal() + "\n" + String.join("\n", notes()) + "\n";
    }

    @Override
    public String markdown() {
        return TextReport.heading(report).replace("\n", "  \n") + "\n\n" + table().markdown() + "\n"
                + String.join("\n\n", notes()) + "\n";
    }

    @Override
    public String csv() {
        return new TextReport(report).csv();
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = report.toMap();
        map.put("queries", queries);
        map.put("bytes", Report.number(bytes));
        map.put("cacheBytes", cache.bytes());
        map.put("fillMs", Report.number(cache.fillMs()));
        map.put("growMs", Report.number(cache.growMs()));
        map.put("filledRowsPerSecond", Report.number(cache.filledPerSecond()));
        map.put("grownRowsPerSecond", Report.number(cache.grownPerSecond()));
        map.put("readGigabytesPerSecond", Report.number(cache.gigabytes()));
        List<Object> runs = new ArrayList<>();
        for (int i = 0; i < report.runs().size(); i++) {
            Map<String, Object> run = new LinkedHashMap<>(Report.runMap(report.runs().get(i)));
            run.put("bytesRead", Report.number(statistics.get(i).bytesRead()));
            run.put("gigabytesPerSecond", Report.number(speed(i)));
            run.put("predictedError", Report.number(statistics.get(i).predictedError()));
            run.put("checkedError", Report.number(statistics.get(i).checkedError()));
            runs.add(run);
        }
        map.put("runs", runs);
        return map;
    }

    @Override
    public List<? extends Drawing> drawings() {
        return PlotReport.panels(report);
    }

    private double speed(int run) {
        return statistics.get(run).bytesRead() * bytes / (report.runs().get(run).times().medianMs() * 1e6);
    }

    private Table table() {
        Table table = Table.ofNumbers("decoding", "budget", "keys", "bytes read", "median ms", "GB/s", "speed-up",
                "spectral", "centred", "max row", "predicted", "checked");
        for (int i = 0; i < report.runs().size(); i++) {
            Report.Run run = report.runs().get(i);
            SparseDecoding.Statistics read = statistics.get(i);
            table.row(run.method(), i == 0 ? "-" : String.valueOf(run.parameters().get("budget")),
                    Sentences.count(read.keysRead()), Sentences.digits(100 * read.bytesRead()) + " %",
                    Sentences.digits(run.times().medianMs()), Sentences.digits(speed(i)),
                    Sentences.digits(run.speedup()) + "x", Sentences.digits(run.error().mean().spectral()),
                    Sentences.digits(run.error().mean().spectralCentred()),
                    Sentences.digits(run.error().mean().maxRow()), Sentences.digits(read.predictedError()),
                    Double.isNaN(read.checkedError()) ? "-" : Sentences.digits(read.checkedError()));
        }
        return table;
    }

    private List<String> notes() {
        List<String> notes = new ArrayList<>();
        notes.add(queries + " queries, one at a time with all heads; times are those of one query");
        notes.add("appending and indexing: " + rate(cache.filledPerSecond()) + " at once, "
                + rate(cache.grownPerSecond()) + " in steps of " + DecodeBench.APPENDED + "; the cache holds "
                + Sentences.bytes(cache.bytes()) + " for " + Sentences.bytes(bytes) + " of keys and values");
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
