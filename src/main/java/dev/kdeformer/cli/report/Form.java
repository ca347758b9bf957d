package dev.kdeformer.cli.report;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.Terminal;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A report in all of its forms: text for people, Markdown, CSV, JSON and pictures. */
public interface Form {
    /** What was measured on what, some lines without a line break at the end. */
    String heading();

    /** The tables. */
    List<Table> tables();

    /** Sentences below the tables, each of one line. */
    List<String> notes();

    /** What was measured as comma-separated values. */
    String csv();

    /** The report as nested maps and lists of numbers, texts and nulls. Scripts read it, so its keys do not change. */
    Map<String, Object> toMap();

    /** The charts of the report. */
    List<? extends Drawing> drawings();

    /** Text for a terminal. */
    default String forTerminal() {
        return shown(heading()) + "\n\n" + tables().stream().map(Table::forTerminal).collect(Collectors.joining("\n"))
                + (notes().isEmpty() ? "" : "\n")
                + notes().stream().map(note -> Terminal.fold(Sentences.visible(note)) + "\n")
                        .collect(Collectors.joining());
    }

    /** The same in Markdown. */
    default String markdown() {
        return shown(heading()).replace("\n", "  \n") + "\n\n"
                + tables().stream().map(Table::markdown).collect(Collectors.joining("\n"))
                + notes().stream().map(note -> "\n" + Sentences.visible(note) + "\n").collect(Collectors.joining());
    }

    /** Lines in which the names of files cannot do anything to the terminal. */
    private static String shown(String lines) {
        return lines.lines().map(Sentences::visible).collect(Collectors.joining("\n"));
    }
}
