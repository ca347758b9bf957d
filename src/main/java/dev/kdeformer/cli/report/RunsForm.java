package dev.kdeformer.cli.report;

import java.util.List;
import java.util.Map;

/**
 * A report with one line for each run of another report, which adds columns of its own.
 *
 * @param <L> a line
 */
public interface RunsForm<L> extends Form {
    /** The runs and what was attended. */
    Report report();

    /** A line for each run. */
    List<L> lines();

    /** The columns of the lines. */
    Columns<L> columns();

    @Override
    default String heading() {
        return report().heading();
    }

    @Override
    default List<Table> tables() {
        return List.of(columns().table(lines()));
    }

    @Override
    default String csv() {
        return Report.<L>lead(line -> report().input()).with(columns(), line -> line).csv(lines());
    }

    @Override
    default Map<String, Object> toMap() {
        Map<String, Object> map = Report.about(report().input());
        map.put("runs", columns().maps(lines()));
        return map;
    }

    @Override
    default List<? extends Drawing> drawings() {
        return report().drawings();
    }
}
