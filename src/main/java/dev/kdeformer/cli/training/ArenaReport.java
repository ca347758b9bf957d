package dev.kdeformer.cli.training;

import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.ReportOptions;
import dev.kdeformer.cli.report.Table;
import dev.kdeformer.cli.report.TextReport;
import dev.kdeformer.train.Classification;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Accuracy of classifiers trained with several methods.
 *
 * @param about what was trained, in words
 * @param rows  one for each task, method and seed
 */
public record ArenaReport(String about, List<Row> rows) implements ReportOptions.Form {
    /**
     * One training.
     *
     * @param task         the task's name
     * @param method       the method's name
     * @param seed         seed of weights and examples
     * @param scratchBytes off-heap memory that the engine held after it
     * @param result       what came of it
     */
    public record Row(String task, String method, long seed, long scratchBytes, Classification result) {
    }

    @Override
    public String forTerminal() {
        return about + "\n" + Machine.line() + "\n\n" + table().forTerminal();
    }

    @Override
    public String markdown() {
        return about + "  \n" + Machine.line() + "\n\n" + table().markdown();
    }

    private Table table() {
        Table table = Table.ofNumbers("task", "method", "seeds", "accuracy", "least", "greatest", "loss", "ms per step",
                "of it attention", "scratch");
        Map<List<String>, List<Row>> groups = new LinkedHashMap<>();
        rows.forEach(row -> groups.computeIfAbsent(List.of(row.task, row.method), key -> new ArrayList<>()).add(row));
        groups.forEach((key, group) -> table.row(key.get(0), key.get(1), String.valueOf(group.size()),
                percent(mean(group, Classification::accuracy)),
                percent(group.stream().mapToDouble(row -> row.result.accuracy()).min().orElseThrow()),
                percent(group.stream().mapToDouble(row -> row.result.accuracy()).max().orElseThrow()),
                String.format(Locale.ROOT, "%.3f", mean(group, Classification::loss)),
                Sentences.digits(mean(group, Classification::stepMs)),
                Sentences.digits(mean(group, Classification::attentionMs)),
                Sentences.bytes(group.stream().mapToLong(Row::scratchBytes).max().orElseThrow())));
        return table;
    }

    private static double mean(List<Row> group, ToDoubleFunction<Classification> figure) {
        return group.stream().map(Row::result).mapToDouble(figure).average().orElseThrow();
    }

    private static String percent(double part) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * part);
    }

    @Override
    public String csv() {
        return TextReport.csv(rows.stream().map(ArenaReport::map).toList());
    }

    private static Map<String, Object> map(Row row) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("task", row.task);
        map.put("method", row.method);
        map.put("seed", row.seed);
        map.put("accuracy", row.result.accuracy());
        map.put("loss", row.result.loss());
        map.put("stepMs", row.result.stepMs());
        map.put("attentionMs", row.result.attentionMs());
        map.put("scratchBytes", row.scratchBytes);
        return map;
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("machine", Machine.facts());
        map.put("about", about);
        map.put("rows", rows.stream().map(ArenaReport::map).toList());
        return map;
    }

    @Override
    public List<Drawing> drawings() {
        return List.of();
    }
}
