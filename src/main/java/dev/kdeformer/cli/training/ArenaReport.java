package dev.kdeformer.cli.training;

import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.Table;
import dev.kdeformer.train.Classification;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;

/**
 * Accuracy of classifiers trained with several methods.
 *
 * @param about what was trained, in words
 * @param rows  one for each task, method and seed
 */
public record ArenaReport(String about, List<Row> rows) implements Form {
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

    /** The trainings of a task with a method. */
    private record Group(String task, String method, List<Row> rows) {
        double mean(ToDoubleFunction<Classification> figure) {
            return rows.stream().map(Row::result).mapToDouble(figure).average().orElseThrow();
        }

        /** The variance of the mean accuracy, of examples drawn alike. */
        double variance() {
            double accuracy = mean(Classification::accuracy);
            return accuracy * (1 - accuracy) / rows.stream().mapToInt(row -> row.result().judged()).sum();
        }

        DoubleStream accuracies() {
            return rows.stream().mapToDouble(row -> row.result().accuracy());
        }
    }

    private static final Columns<Group> GROUPS = new Columns<Group>()
            .cell("task", Group::task)
            .cell("method", Group::method)
            .cell("seeds", group -> String.valueOf(group.rows().size()))
            .cell("accuracy", group -> percent(group.mean(Classification::accuracy)))
            .cell("least", group -> percent(group.accuracies().min().orElseThrow()))
            .cell("greatest", group -> percent(group.accuracies().max().orElseThrow()))
            .cell("guess", group -> percent(group.mean(Classification::guess)))
            .cell("loss", group -> String.format(Locale.ROOT, "%.3f", group.mean(Classification::loss)))
            .cell("ms per step", group -> Sentences.digits(group.mean(Classification::stepMs)))
            .cell("of it attention", group -> Sentences.digits(group.mean(Classification::attentionMs)))
            .cell("scratch", group -> Sentences.bytes(group.rows().stream().mapToLong(Row::scratchBytes).max()
                    .orElseThrow()));

    private static final Columns<Row> ROWS = new Columns<Row>()
            .field("task", Row::task)
            .field("method", Row::method)
            .field("seed", Row::seed)
            .field("accuracy", row -> row.result().accuracy())
            .field("guess", row -> row.result().guess())
            .field("judged", row -> row.result().judged())
            .field("loss", row -> row.result().loss())
            .field("stepMs", row -> row.result().stepMs())
            .field("attentionMs", row -> row.result().attentionMs())
            .field("scratchBytes", Row::scratchBytes);

    @Override
    public String heading() {
        return about + "\n" + Machine.line();
    }

    @Override
    public List<Table> tables() {
        return List.of(GROUPS.table(groups()));
    }

    /** What the columns of {@link #cells} are. */
    public List<String> headers() {
        return GROUPS.headers();
    }

    /** The figures of every task and method, means over seeds. */
    public List<List<String>> cells() {
        return groups().stream().map(GROUPS::cells).toList();
    }

    private List<Group> groups() {
        Map<List<String>, List<Row>> groups = new LinkedHashMap<>();
        rows.forEach(row -> groups.computeIfAbsent(List.of(row.task, row.method), key -> new ArrayList<>()).add(row));
        return groups.entrySet().stream()
                .map(group -> new Group(group.getKey().get(0), group.getKey().get(1), group.getValue())).toList();
    }

    /**
     * How far each other method is from the first one, which is exact attention where that is run, beside what chance
     * makes of it: 1.96 standard errors of a difference between two proportions, as if methods were judged on examples
     * of their own.
     */
    @Override
    public List<String> notes() {
        List<String> notes = new ArrayList<>();
        Group first = null;
        for (Group group : groups()) {
            if (first == null || !first.task.equals(group.task)) {
                first = group;
                continue;
            }
            double points = 100 * (group.mean(Classification::accuracy) - first.mean(Classification::accuracy));
            String distance = Math.abs(points) < 0.05 ? "as accurate as " + first.method
                    : String.format(Locale.ROOT, "%.1f points %s than %s", Math.abs(points),
                            points < 0 ? "less" : "more", first.method);
            notes.add(String.format(Locale.ROOT, "%s, %s: %s (chance makes %.1f)", group.task, group.method, distance,
                    196 * Math.sqrt(first.variance() + group.variance())));
        }
        return notes;
    }

    private static String percent(double part) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * part);
    }

    @Override
    public String csv() {
        return ROWS.csv(rows);
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("machine", Machine.facts());
        map.put("about", about);
        map.put("rows", ROWS.maps(rows));
        return map;
    }

    @Override
    public List<Drawing> drawings() {
        return List.of();
    }
}
