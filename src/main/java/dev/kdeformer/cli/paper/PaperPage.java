package dev.kdeformer.cli.paper;

import static j2html.TagCreator.body;
import static j2html.TagCreator.div;
import static j2html.TagCreator.each;
import static j2html.TagCreator.h1;
import static j2html.TagCreator.h2;
import static j2html.TagCreator.head;
import static j2html.TagCreator.html;
import static j2html.TagCreator.iff;
import static j2html.TagCreator.meta;
import static j2html.TagCreator.p;
import static j2html.TagCreator.rawHtml;
import static j2html.TagCreator.td;
import static j2html.TagCreator.th;
import static j2html.TagCreator.title;
import static j2html.TagCreator.tr;

import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.InputOptions;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.Panel;
import dev.kdeformer.cli.report.PlotFile;
import dev.kdeformer.cli.training.ArenaReport;
import j2html.TagCreator;
import j2html.tags.DomContent;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** The page about the experiments: one file with all tables and pictures in it. */
public final class PaperPage {
    public static final String LENGTH = "length";
    public static final String FEATURES = "features";
    public static final String SHAPES = "shapes";
    public static final String SETS = "sets";

    /** Rows that the figures of the authors' code are for. */
    private static final int AUTHORS_ROWS = 16384;

    private static final String STYLE = """
            body { font: 15px/1.5 sans-serif; color: #222; max-width: 1350px; margin: 2em auto; padding: 0 1em; }
            h1, h2 { line-height: 1.2; } h2 { margin-top: 2em; }
            table { border-collapse: collapse; margin: 1em 0; font-size: 13px; }
            th, td { padding: 2px 9px; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
            th:first-child, td:first-child { text-align: left; }
            tr.reference td { background: #f2f2f2; font-style: italic; }
            .scroll { overflow-x: auto; } svg { max-width: 100%; height: auto; }
            """;

    private static final String HOW_TO_READ = ""
            + "Errors are ‖Õ − O‖ / ‖O‖ in the operator norm, O the exact output, mean ± standard deviation over "
            + "seeds (mean over heads first); centred errors divide by ‖O − its mean row‖ instead. f features are f "
            + "draws and blocks of f/2 keys for KDEformer, as in the authors' experiments, and for HyperAttention; "
            + "every other method with a budget of key evaluations is given as many, 3f/2. What a method spent "
            + "stands beside its budget; where it is more, the method does not go lower. Times are medians of warm "
            + "calls, for which all methods of an input take turns; speed-up is against exact attention in the same "
            + "turns. Memory is the off-heap scratch memory of a call, and the peak of the Java heap over one, "
            + "garbage included. auto has no number of features, and HyperAttention attends exactly below its own "
            + "least length.";

    /**
     * Error of the code that the paper's authors published, run on the same 16,384 rows: features to mean, least and
     * greatest of five seeds.
     */
    private static final Map<Integer, double[]> AUTHORS = new TreeMap<>(Map.of(
            256, new double[] {0.123, 0.113, 0.133}, 512, new double[] {0.090, 0.086, 0.095}));

    private final List<PaperRow> rows;
    private final ArenaReport arena;
    private final PaperPlan plan;
    private final int seeds;
    private final int threads;
    private final boolean quick;

    /** Makes a page about all rows and trainings. */
    public PaperPage(List<PaperRow> rows, ArenaReport arena, PaperPlan plan, int seeds, int threads, boolean quick) {
        this.rows = rows;
        this.arena = arena;
        this.plan = plan;
        this.seeds = seeds;
        this.threads = threads;
        this.quick = quick;
    }

    /**
     * The page as HTML.
     *
     * @throws IOException if a picture cannot be drawn
     */
    public String text() throws IOException {
        int f = plan.lengthFeature();
        String title = "Attention methods on the KDEformer paper's experiments";
        return "<!DOCTYPE html>\n" + html(
                head(meta().withCharset("utf-8"), title(title), rawHtml("<style>\n" + STYLE + "</style>")),
                body(h1(title),
                        p(Machine.line() + "; " + Sentences.count(threads, "thread") + "; "
                                + Sentences.count(seeds, "seed") + " for every random method."),
                        iff(quick, p("A quick run on small inputs, which says nothing about long sequences.")),
                        p(HOW_TO_READ),
                        h2("GloVe, error over n at f = " + f),
                        picture(LENGTH, "n", row -> row.setting().input().input().queries()),
                        table(LENGTH, false),
                        h2("GloVe, error over features at n = " + plan.longest()),
                        picture(FEATURES, "features", row -> row.setting().features()),
                        table(FEATURES, true),
                        h2("Shapes of the other experiments, f = " + f),
                        p("Random queries, keys and values: for time and memory, not for errors."),
                        table(SHAPES, false),
                        h2("Activations of transformers, f = " + f),
                        table(SETS, false),
                        training())).withLang("en").render() + "\n";
    }

    private List<PaperRow> of(String experiment) {
        return rows.stream().filter(row -> row.setting().experiment().equals(experiment)).toList();
    }

    private DomContent picture(String experiment, String label, ToDoubleFunction<PaperRow> x) throws IOException {
        Panel errors = new Panel("error", label, "relative spectral error, mean over seeds", false);
        Panel times = new Panel("time", label, "median ms", true);
        Map<String, List<PaperRow>> lines = new LinkedHashMap<>();
        of(experiment).stream().filter(PaperRow::isRun)
                .forEach(row -> lines.computeIfAbsent(row.setting().method(), name -> new ArrayList<>()).add(row));
        boolean overFeatures = experiment.equals(FEATURES);
        lines.forEach((name, line) -> {
            boolean constant = overFeatures && line.get(0).setting().features() == 0;
            errors.add(name, constant || name.equals(Methods.EXACT) ? List.of()
                    : line.stream().map(row -> new double[] {x.applyAsDouble(row), row.errors().spectral().mean()})
                            .toList());
            times.add(name, constant ? List.of()
                    : line.stream().map(row -> new double[] {x.applyAsDouble(row), row.spent().ms()}).toList());
        });
        lines.forEach((name, line) -> {
            if (overFeatures && line.get(0).setting().features() == 0 && !name.equals(Methods.EXACT)) {
                errors.addLevel(name, line.get(0).errors().spectral().mean());
            }
            if (overFeatures && name.equals(Methods.EXACT)) {
                times.addLevel(name, line.get(0).spent().ms());
            }
        });
        List<Panel> panels = List.of(errors, times);
        if (panels.stream().anyMatch(Panel::isEmpty)) {
            return TagCreator.text("");
        }
        String levels = lines.entrySet().stream()
                .filter(line -> line.getValue().get(0).setting().features() == 0
                        && !line.getKey().equals(Methods.EXACT))
                .map(line -> line.getKey() + " (" + Sentences.digits(line.getValue().get(0).errors().spectral().mean())
                        + ")")
                .collect(Collectors.joining(", "));
        // Not join, which takes spaces before full stops out of path data too.
        return div(rawHtml(PlotFile.svgElement(panels, experiment + "-")),
                iff(overFeatures && !levels.isEmpty(),
                        p("Dashed in the picture of errors, without a number of features: " + levels + ".")));
    }

    private DomContent table(String experiment, boolean withReference) {
        Columns<PaperRow> columns = PaperRow.columns();
        List<String> headers = columns.headers();
        List<DomContent> lines = new ArrayList<>();
        if (withReference && plan.longest() == AUTHORS_ROWS) {
            AUTHORS.forEach((f, error) -> lines.add(reference(headers, Map.of("method", "KDEformer, the authors' code",
                    "input", InputOptions.DEFAULT_DATA, "n", plan.longest(), "m", plan.longest(), "d", 100, "d_v", 100,
                    "f", f, "seeds", 5), error)));
        }
        for (PaperRow row : of(experiment)) {
            List<String> cells = columns.cells(row);
            int shown = row.isRun() ? cells.size() : headers.indexOf("budget");
            lines.add(tr(each(cells.subList(0, shown), cell -> td(cell)), iff(!row.isRun(),
                    td("not run: " + row.problem()).attr("colspan", headers.size() - shown)
                            .withStyle("text-align: left"))));
        }
        return div(TagCreator.table(tr(each(headers, header -> th(header))), each(lines, line -> line)))
                .withClass("scroll");
    }

    private DomContent training() {
        return div(h2("Training, the Long Range Arena in small"),
                p(arena.about() + ", forward and backward, after Tay et al. 2021. Accuracies are means over seeds, "
                        + "with the least and the greatest; scratch is the off-heap memory of the attention."),
                div(TagCreator.table(tr(each(arena.headers(), header -> th(header))),
                        each(arena.cells(), cells -> tr(each(cells, cell -> td(cell)))))).withClass("scroll"),
                iff(!arena.notes().isEmpty(), p(String.join("; ", arena.notes()) + ".")));
    }

    /** A row with figures of the authors' code: mean, least and greatest error, and nothing else that was measured. */
    private static DomContent reference(List<String> headers, Map<String, Object> known, double[] error) {
        Map<String, Object> all = new HashMap<>(known);
        all.put("error", Sentences.digits(error[0]));
        all.put("least", Sentences.digits(error[1]));
        all.put("greatest", Sentences.digits(error[2]));
        return tr(each(headers, name -> td(all.getOrDefault(name, "-").toString()))).withClass("reference");
    }
}
