package dev.kdeformer.cli.report;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.HorizontalAlign;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** A table of texts. The first column is aligned to the left, the others, which hold numbers, to the right. */
public final class Table {
    private static final int WIDEST_TEXT = 42;
    private static final int WIDEST_NUMBER = 60;

    private final List<String> header;
    private final boolean leftAligned;
    private final List<List<String>> rows = new ArrayList<>();

    private Table(boolean leftAligned, String... header) {
        this.leftAligned = leftAligned;
        this.header = List.of(header);
    }

    /** A table of a name and numbers. */
    public static Table ofNumbers(String... header) {
        return new Table(false, header);
    }

    /** A table of texts. */
    public static Table ofTexts(String... header) {
        return new Table(true, header);
    }

    /** Adds a row with a text for each column. */
    public Table row(String... cells) {
        if (cells.length != header.size()) {
            throw new IllegalArgumentException("a row must have " + header.size() + " cells, got " + cells.length);
        }
        rows.add(List.of(cells));
        return this;
    }

    /** The table for a terminal. */
    public String forTerminal() {
        Column[] columns = new Column[header.size()];
        for (int c = 0; c < columns.length; c++) {
            HorizontalAlign align = c == 0 || leftAligned ? HorizontalAlign.LEFT : HorizontalAlign.RIGHT;
            columns[c] = new Column().header(header.get(c)).headerAlign(align).dataAlign(align)
                    .maxWidth(leftAligned ? WIDEST_TEXT : WIDEST_NUMBER);
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
        StringBuilder text = new StringBuilder(markdownRow(header));
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
