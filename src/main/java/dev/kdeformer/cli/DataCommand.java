package dev.kdeformer.cli;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.Catalogue;
import dev.kdeformer.cli.input.DataFolder;
import dev.kdeformer.cli.input.DataSet;
import dev.kdeformer.cli.input.Picture;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.JsonReport;
import dev.kdeformer.io.AtomicFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
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

    @Option(names = "--json", description = "Print the list, or what is known of NAME, as JSON.")
    private boolean json;

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
            out.print(json ? JsonReport.text(set != null ? sets().map(set) : pictures().map(picture))
                    : set != null ? describe(set) : describe(picture));
            return 0;
        }
        if (json) {
            throw new UsageError("--json describes, and -o writes; give one of them");
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

    private static Columns<DataSet> sets() {
        return new Columns<DataSet>()
                .text("set", "name", DataSet::name)
                .cell("shape", DataSet::shape)
                .field("heads", set -> set.sizes().heads())
                .field("n", set -> set.sizes().n())
                .field("d", set -> set.sizes().d())
                .field("dv", set -> set.sizes().dv())
                .field("scale", DataSet::scale)
                .field("causal", DataSet::causal)
                .text("from", "model", set -> set.origin().model())
                .field("package", set -> set.origin().source())
                .text("licence", "licence", set -> set.origin().licence())
                .field("input", set -> set.origin().input())
                .field("kind", set -> set.origin().kind())
                .field("files", DataSet::files);
    }

    private static Columns<Picture> pictures() {
        return new Columns<Picture>()
                .text("picture", "name", Picture::name)
                .cell("pixels", DataCommand::pixels)
                .field("file", Picture::file)
                .field("width", Picture::width)
                .field("height", Picture::height)
                .field("channels", Picture::channels)
                .text("from", "source", Picture::source)
                .text("licence", "licence", Picture::licence);
    }

    private void list(List<Catalogue> catalogues, PrintWriter out) {
        Map<String, DataSet> sets = new LinkedHashMap<>();
        Map<String, Picture> pictures = new LinkedHashMap<>();
        for (Catalogue catalogue : catalogues) {
            catalogue.sets().forEach(set -> sets.putIfAbsent(set.name(), set));
            catalogue.pictures().forEach(picture -> pictures.putIfAbsent(picture.name(), picture));
        }
        if (json) {
            Map<String, Object> lists = new LinkedHashMap<>();
            lists.put("sets", sets().maps(List.copyOf(sets.values())));
            lists.put("pictures", pictures().maps(List.copyOf(pictures.values())));
            out.print(JsonReport.text(lists));
            return;
        }
        out.print(sets().texts(List.copyOf(sets.values())).forTerminal() + "\n"
                + pictures().texts(List.copyOf(pictures.values())).forTerminal());
    }

    private static String describe(DataSet set) {
        DataSet.Origin origin = set.origin();
        List<String[]> lines = new ArrayList<>(List.of(new String[][] {
            {"set", set.name()}, {"shape", set.shape()}, {"scale", Float.toString(set.scale())},
            {"causal", set.causal() ? "yes" : "no"}, {"model", origin.model()}, {"package", origin.source()},
            {"licence", origin.licence()}, {"input", origin.input()}, {"length", origin.kind()},
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
        lines.forEach(line -> text.append(String.format("%-8s %s%n", line[0], Sentences.visible(line[1]))));
        return text.toString();
    }

    private void export(Catalogue catalogue, Iterable<String> files, PrintWriter out) throws IOException {
        Files.createDirectories(folder);
        for (String file : files) {
            byte[] bytes = catalogue.bytes(file);
            Path target = folder.resolve(file);
            AtomicFile.write(target, stream -> stream.write(bytes));
            out.println("wrote " + Sentences.visible(target.toString()) + " (" + Sentences.bytes(bytes.length) + ")");
        }
    }
}
