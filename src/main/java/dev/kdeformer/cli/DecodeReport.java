package dev.kdeformer.cli;

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
 * @param cacheBytes bytes that the cache holds, index included
 * @param fillMs     time to fill and index the cache
 */
record DecodeReport(Report report, List<SparseDecoding.Statistics> statistics, int queries, double bytes,
        long cacheBytes, double fillMs) implements ReportOptions.Form {
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
        map.put("cacheBytes", cacheBytes);
        map.put("fillMs", Report.number(fillMs));
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
        return List.of(
                queries + " queries, one at a time with all heads; times are those of one query",
                "filling and indexing took " + Sentences.digits(fillMs) + " ms; the cache holds "
                        + Sentences.bytes(cacheBytes) + " for " + Sentences.bytes(bytes) + " of keys and values",
                "spectral: |O' - O| / |O| over the decoded queries, O by exact decoding; centred and max row: relative "
                        + "to O without its mean row");
    }
}
