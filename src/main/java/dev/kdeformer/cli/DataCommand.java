package dev.kdeformer.cli;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.Catalogue;
import dev.kdeformer.cli.input.DataFolder;
import dev.kdeformer.cli.input.DataSet;
import dev.kdeformer.cli.input.Picture;
import dev.kdeformer.cli.report.Table;
import dev.kdeformer.io.AtomicFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Lists and exports data sets and pictures. */
@Command(name = "data",
        description = "List the data sets and pictures, or write one as files.",
        footer = {"", "Example:", "  kdebench data glove-16384 -o glove"})
final class DataCommand implements Callable<Integer> {
    @Parameters(paramLabel = "NAME", arity = "0..1",
            description = "The set or picture to describe, or to write with -o.")
    private String name;

    @Option(names = {"-o", "--output"}, paramLabel = "DIR",
            description = "Write the set's .npy files, or the picture, into this folder.")
    private Path folder;

    @Mixin
    private DataFolder dataFolder;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        List<Catalogue> catalogues = dataFolder.catalogues();
        PrintWriter out = spec.commandLine().getOut();
        if (name == null) {
            if (folder != null) {
                throw new UsageError("-o needs the NAME of what to write");
            }
            list(catalogues, out);
            return 0;
        }
        Catalogue catalogue = catalogues.stream()
                .filter(each -> each.find(name) != null || each.findPicture(name) != null).findFirst()
                .orElseThrow(() -> new UsageError("there is no '" + name + "'; there are "
                        + catalogues.stream().map(Catalogue::names).collect(Collectors.joining(", "))));
        DataSet set = catalogue.find(name);
        Picture picture = catalogue.findPicture(name);
        if (folder == null) {
            out.print(set != null ? describe(set) : describe(picture));
            return 0;
        }
        if (set != null) {
            export(catalogue, new LinkedHashSet<>(set.files().values()), out);
            out.println("use: kdebench run --q " + folder.resolve(set.files().get("q")) + " --k "
                    + folder.resolve(set.files().get("k")) + " --v " + folder.resolve(set.files().get("v"))
                    + " --scale " + set.scale() + (set.causal() ? " --causal" : ""));
        } else {
            export(catalogue, List.of(picture.file()), out);
        }
        return 0;
    }

    private static void list(List<Catalogue> catalogues, PrintWriter out) {
        Table sets = Table.ofTexts("set", "shape", "from", "licence");
        Table pictures = Table.ofTexts("picture", "pixels", "from", "licence");
        Set<String> seen = new HashSet<>();
        for (Catalogue catalogue : catalogues) {
            for (DataSet set : catalogue.sets()) {
                if (seen.add(set.name())) {
                    sets.row(set.name(), set.shape(), set.model(), set.licence());
                }
            }
            for (Picture picture : catalogue.pictures()) {
                if (seen.add(picture.name())) {
                    pictures.row(picture.name(), pixels(picture), picture.source(), picture.licence());
                }
            }
        }
        out.print(sets.forTerminal() + "\n" + pictures.forTerminal());
    }

    private static String describe(DataSet set) {
        List<String[]> lines = new ArrayList<>(List.of(new String[][] {
            {"set", set.name()}, {"shape", set.shape()}, {"scale", Float.toString(set.scale())},
            {"causal", set.causal() ? "yes" : "no"}, {"model", set.model()}, {"package", set.source()},
            {"licence", set.licence()}, {"input", set.input()}, {"length", set.kind()},
            {"files", String.join(", ", new LinkedHashSet<>(set.files().values()))}}));
        return lines(lines);
    }

    private static String describe(Picture picture) {
        return lines(List.of(new String[][] {{"picture", picture.name()}, {"pixels", pixels(picture)},
            {"from", picture.source()}, {"licence", picture.licence()}, {"file", picture.file()}}));
    }

    private static String pixels(Picture picture) {
        return picture.width() + " x " + picture.height() + (picture.channels() == 1 ? ", grey" : ", colour");
    }

    private static String lines(List<String[]> lines) {
        StringBuilder text = new StringBuilder();
        lines.forEach(line -> text.append(String.format("%-8s %s%n", line[0], line[1])));
        return text.toString();
    }

    private void export(Catalogue catalogue, Iterable<String> files, PrintWriter out) throws IOException {
        Files.createDirectories(folder);
        for (String file : files) {
            byte[] bytes = catalogue.bytes(file);
            Path target = folder.resolve(file);
            AtomicFile.write(target, stream -> stream.write(bytes));
            out.println("wrote " + target + " (" + Sentences.bytes(bytes.length) + ")");
        }
    }
}
