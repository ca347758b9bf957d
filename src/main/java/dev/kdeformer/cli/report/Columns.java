package dev.kdeformer.cli.report;

import dev.kdeformer.cli.console.Sentences;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * The columns of a report, in their order: what each is called in a table and in files, and how it is found for a line.
 * Table, Markdown, CSV and JSON follow from this one list.
 *
 * @param <R> what a line is about
 */
public final class Columns<R> {
    private final List<Cell<R>> cells = new ArrayList<>();
    private final List<Field<R>> fields = new ArrayList<>();

    /** What a table shows. */
    private record Cell<R>(String header, Function<R, String> text) {
    }

    /** What files hold: by its name in CSV, and by a path of names joined by dots in JSON. */
    private record Field<R>(String name, String path, Function<R, Object> value) {
    }

    /** A column of a table and of files, with a text of its own in the table. */
    public Columns<R> both(String header, String name, Function<R, Object> value, Function<R, String> cell) {
        return cell(header, cell).field(name, value);
    }

    /** A column of texts or whole numbers; "-" stands for null in a table. */
    public Columns<R> text(String header, String name, Function<R, Object> value) {
        return both(header, name, value, line -> {
            Object shown = value.apply(line);
            return shown == null ? "-" : shown.toString();
        });
    }

    /** A column of numbers, of which a table shows three digits, and "-" for what is not finite. */
    public Columns<R> figure(String header, String name, ToDoubleFunction<R> value) {
        return both(header, name, value::applyAsDouble, line -> Sentences.digits(value.applyAsDouble(line)));
    }

    /** A column of counts that may be means. */
    public Columns<R> count(String header, String name, ToDoubleFunction<R> value) {
        return both(header, name, value::applyAsDouble, line -> Sentences.count(value.applyAsDouble(line)));
    }

    /** A column of tables only. */
    public Columns<R> cell(String header, Function<R, String> text) {
        cells.add(new Cell<>(header, text));
        return this;
    }

    /** A column of files only. */
    public Columns<R> field(String name, Function<R, Object> value) {
        return field(name, name, value);
    }

    /** A column of files only that lies deeper in JSON, at a path such as {@code error.spectral.mean}. */
    public Columns<R> field(String name, String path, Function<R, Object> value) {
        fields.add(new Field<>(name, path, value));
        return this;
    }

    /** The columns of a part of a line, for tables and files. */
    public <P> Columns<R> with(Columns<P> others, Function<R, P> part) {
        return withCells(others, part).withFields(others, part);
    }

    /** The columns of a part of a line, for tables only. */
    public <P> Columns<R> withCells(Columns<P> others, Function<R, P> part) {
        others.cells.forEach(cell -> cell(cell.header(), part.andThen(cell.text())));
        return this;
    }

    /** The columns of a part of a line, for files only. */
    public <P> Columns<R> withFields(Columns<P> others, Function<R, P> part) {
        others.fields.forEach(field -> field(field.name(), field.path(), part.andThen(field.value())));
        return this;
    }

    /** The headers of the table. */
    public List<String> headers() {
        return cells.stream().map(Cell::header).toList();
    }

    /** The cells of a line of the table. */
    public List<String> cells(R line) {
        return cells.stream().map(cell -> cell.text().apply(line)).toList();
    }

    /** A table of numbers, the first column apart. */
    public Table table(List<? extends R> lines) {
        return fill(Table.ofNumbers(headers()), lines);
    }

    /** A table of texts. */
    public Table texts(List<? extends R> lines) {
        return fill(Table.ofTexts(headers()), lines);
    }

    private Table fill(Table table, List<? extends R> lines) {
        lines.forEach(line -> table.row(cells(line)));
        return table;
    }

    /** The lines for JSON. A nested object of which nothing is known is null as a whole. */
    public List<Map<String, Object>> maps(List<? extends R> lines) {
        return lines.stream().map(this::map).toList();
    }

    /** A line for JSON. */
    public Map<String, Object> map(R line) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (Field<R> field : fields) {
            Map<String, Object> inner = map;
            String[] names = field.path().split("\\.");
            for (int i = 0; i < names.length - 1; i++) {
                inner = descend(inner, names[i]);
            }
            inner.put(names[names.length - 1], Plain.of(field.value().apply(line)));
        }
        Plain.dropUnknown(map);
        return map;
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> descend(Map<String, Object> map, String name) {
        return (Map<String, Object>) map.computeIfAbsent(name, key -> new Plain.Nested());
    }

    /** The lines as comma-separated values with a line of names, as RFC 4180 has it but with plain line feeds. */
    public String csv(List<? extends R> lines) {
        StringBuilder text = new StringBuilder(
                fields.stream().map(Field::name).collect(Collectors.joining(",", "", "\n")));
        for (R line : lines) {
            text.append(fields.stream().map(field -> quoted(field.value().apply(line)))
                    .collect(Collectors.joining(",", "", "\n")));
        }
        return text.toString();
    }

    private static String quoted(Object value) {
        Object plain = value instanceof Map<?, ?> map ? map.entrySet().stream().map(Object::toString)
                .collect(Collectors.joining(" ")) : Plain.of(value);
        String text = plain == null ? "" : plain.toString();
        return text.matches("(?s).*[\",\\r\\n].*") ? '"' + text.replace("\"", "\"\"") + '"' : text;
    }
}
