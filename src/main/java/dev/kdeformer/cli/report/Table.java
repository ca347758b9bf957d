package dev.kdeformer.cli.report;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.HorizontalAlign;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.Terminal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/** A table of texts. The first column is aligned to the left, the others, which hold numbers, to the right. */
public final class Table {
    private static final int WIDEST_TEXT = 42;
    private static final int NARROWEST_TEXT = 14;
    private static final int WIDEST_NUMBER = 60;

    private final List<String> header;
    private final boolean leftAligned;
    private String title = "";
    private final List<List<String>> rows = new ArrayList<>();

    private Table(boolean leftAligned, List<String> header) {
        this.leftAligned = leftAligned;
        this.header = List.copyOf(header);
    }

    /** A table of a name and numbers. */
    public static Table ofNumbers(String... header) {
        return ofNumbers(List.of(header));
    }

    /** A table of a name and numbers. */
    static Table ofNumbers(List<String> header) {
        return new Table(false, header);
    }

    /** A table of texts. */
    static Table ofTexts(List<String> header) {
        return new Table(true, header);
    }

    /** The table below a line of its own. */
    public Table titled(String line) {
        title = Sentences.visible(line);
        return this;
    }

    /** Adds a row with a text for each column. */
    public Table row(String... cells) {
        return row(List.of(cells));
    }

    /** Adds a row with a text for each column. */
    Table row(List<String> cells) {
        if (cells.size() != header.size()) {
            throw new IllegalArgumentException("a row must have " + header.size() + " cells, got " + cells.size());
        }
        rows.add(cells.stream().map(Sentences::visible).toList());
        return this;
    }

    /** The table for the terminal that shows it. */
    public String forTerminal() {
        return (title.isEmpty() ? "" : title + "\n") + forTerminal(Terminal.width());
    }

    /**
     * The table for a terminal of some width. Where it is wider, texts are broken into shorter lines, and if that does
     * not do, every row becomes a paragraph of a line for each column.
     */
    String forTerminal(OptionalInt width) {
        String wide = drawn(leftAligned ? WIDEST_TEXT : WIDEST_NUMBER);
        if (width.isEmpty() || widest(wide) <= width.getAsInt()) {
            return wide;
        }
        if (leftAligned) {
            for (int longest = WIDEST_TEXT - 4; longest >= NARROWEST_TEXT; longest -= 4) {
                String narrow = drawn(longest);
                if (widest(narrow) <= width.getAsInt()) {
                    return narrow;
                }
            }
        }
        int indent = header.stream().mapToInt(String::length).max().orElse(0);
        return rows.stream().map(row -> paragraph(row, indent)).collect(Collectors.joining("\n"));
    }

    private String paragraph(List<String> row, int indent) {
        StringBuilder text = new StringBuilder();
        for (int c = 0; c < row.size(); c++) {
            text.append(header.get(c)).append(" ".repeat(indent - header.get(c).length() + 1)).append(row.get(c))
                    .append('\n');
        }
        return text.toString();
    }

    private static int widest(String text) {
        return text.lines().mapToInt(String::length).max().orElse(0);
    }

    private String drawn(int longest) {
        Column[] columns = new Column[header.size()];
        for (int c = 0; c < columns.length; c++) {
            HorizontalAlign align = c == 0 || leftAligned ? HorizontalAlign.LEFT : HorizontalAlign.RIGHT;
            columns[c] = new Column().header(header.get(c)).headerAlign(align).dataAlign(align).maxWidth(longest);
        }
        String[][] data = rows.stream().map(row -> row.toArray(String[]::new)).toArray(String[][]::new);
        String table = AsciiTable.builder()
                .border(AsciiTable.BASIC_ASCII_NO_DATA_SEPARATORS_NO_OUTSIDE_BORDER)
                .lineSeparator("\n")
                .data(columns, data)
                .asString();
        return table.lines().map(String::stripTrailing).collect(Collectors.joining("\n", "", "\n"));
    }

    /** The table in Markdown. */
    public String markdown() {
        StringBuilder text = new StringBuilder(title.isEmpty() ? "" : title + "\n\n").append(markdownRow(header));
        String[] rules = new String[header.size()];
        Arrays.fill(rules, leftAligned ? "---" : "---:");
        rules[0] = "---";
        text.append(markdownRow(List.of(rules)));
        rows.forEach(row -> text.append(markdownRow(row)));
        return text.toString();
    }

    private static String markdownRow(List<String> cells) {
        return cells.stream().map(cell -> cell.replace("|", "\\|")).collect(Collectors.joining(" | ", "| ", " |\n"));
    }
}
