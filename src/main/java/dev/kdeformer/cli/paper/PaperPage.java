package dev.kdeformer.cli.paper;

import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.InputOptions;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Panel;
import dev.kdeformer.cli.report.PlotFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
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

    /**
     * Error of the code that the paper's authors published, run on the same 16,384 rows: features to mean, least and
     * greatest of five seeds.
     */
    private static final Map<Integer, double[]> AUTHORS = new TreeMap<>(Map.of(
            256, new double[] {0.123, 0.113, 0.133}, 512, new double[] {0.090, 0.086, 0.095}));

    private final List<PaperRow> rows;
    private final PaperPlan plan;
    private final int seeds;
    private final int threads;
    private final boolean quick;
    private int pictures;

    public PaperPage(List<PaperRow> rows, PaperPlan plan, int seeds, int threads, boolean quick) {
        this.rows = rows;
        this.plan = plan;
        this.seeds = seeds;
        this.threads = threads;
        this.quick = quick;
    }

    /** The page as HTML. */
    public String text() throws IOException {
        int f = plan.lengthFeature();
        StringBuilder page = new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                + "<title>Attention methods on the KDEformer paper's experiments</title>\n<style>\n" + STYLE
                + "</style>\n</head>\n<body>\n<h1>Attention methods on the KDEformer paper's experiments</h1>\n");
        paragraph(page, Machine.line() + "; " + threads + (threads == 1 ? " thread; " : " threads; ") + seeds
                + (seeds == 1 ? " seed" : " seeds") + " for every random method.");
        if (quick) {
            paragraph(page, "A quick run on small inputs, which says nothing about long sequences.");
        }
        paragraph(page, "Errors are ‖Õ − O‖ / ‖O‖ in the operator norm, O the exact output, mean ± standard deviation "
                + "over seeds (mean over heads first); centred errors divide by ‖O − its mean row‖ instead. f features "
                + "are f draws and blocks of f/2 keys for KDEformer, as in the authors' experiments, and for "
                + "HyperAttention; every other method with a budget gets as many key evaluations, 3f/2. Times are "
                + "medians of warm calls; speed-up is against exact attention of this engine. Memory is the off-heap "
                + "scratch memory of a call, and the peak of the Java heap over one, garbage included. auto has no "
                + "number of features, and HyperAttention attends exactly below its own least length.");
        heading(page, "GloVe, error over n at f = " + f);
        picture(page, LENGTH, "n", row -> row.input().input().queries());
        table(page, LENGTH, false);
        heading(page, "GloVe, error over features at n = " + plan.longest());
        picture(page, FEATURES, "features", PaperRow::features);
        table(page, FEATURES, true);
        heading(page, "Shapes of the other experiments, f = " + f);
        paragraph(page, "Random queries, keys and values: for time and memory, not for errors.");
        table(page, SHAPES, false);
        heading(page, "Activations of transformers, f = " + f);
        table(page, SETS, false);
        return page.append("</body>\n</html>\n").toString();
    }

    private List<PaperRow> of(String experiment) {
        return rows.stream().filter(row -> row.experiment().equals(experiment)).toList();
    }

    private void picture(StringBuilder page, String experiment, String label, ToDoubleFunction<PaperRow> x)
            throws IOException {
        Panel errors = new Panel("error", label, "relative spectral error, mean over seeds", false);
        Panel times = new Panel("time", label, "median ms", true);
        Map<String, List<PaperRow>> lines = new LinkedHashMap<>();
        of(experiment).stream().filter(PaperRow::isRun)
                .forEach(row -> lines.computeIfAbsent(row.method(), name -> new ArrayList<>()).add(row));
        boolean overFeatures = experiment.equals(FEATURES);
        lines.forEach((name, line) -> {
            boolean constant = overFeatures && line.get(0).features() == 0;
            errors.add(name, constant || name.equals(Methods.EXACT) ? List.of()
                    : line.stream().map(row -> new double[] {x.applyAsDouble(row), row.spectral().mean()}).toList());
            times.add(name, constant ? List.of()
                    : line.stream().map(row -> new double[] {x.applyAsDouble(row), row.ms()}).toList());
        });
        lines.forEach((name, line) -> {
            if (overFeatures && line.get(0).features() == 0 && !name.equals(Methods.EXACT)) {
                errors.addLevel(name, line.get(0).spectral().mean());
            }
            if (overFeatures && name.equals(Methods.EXACT)) {
                times.addLevel(name, line.get(0).ms());
            }
        });
        List<Panel> panels = List.of(errors, times);
        if (panels.stream().noneMatch(Panel::isEmpty)) {
            page.append(PlotFile.svgElement(panels, "p" + ++pictures + "-")).append('\n');
            String levels = lines.entrySet().stream()
                    .filter(line -> line.getValue().get(0).features() == 0 && !line.getKey().equals(Methods.EXACT))
                    .map(line -> line.getKey() + " (" + Sentences.digits(line.getValue().get(0).spectral().mean())
                    + ")")
                    .collect(Collectors.joining(", "));
            if (overFeatures && !levels.isEmpty()) {
                paragraph(page, "Dashed in the picture of errors, without a number of features: " + levels + ".");
            }
        }
    }

    private void table(StringBuilder page, String experiment, boolean withReference) {
        page.append("<div class=\"scroll\"><table>\n<tr>");
        for (String name : List.of("method", "input", "n", "m", "d", "d_v", "f", "columns", "seeds", "error", "least",
                "greatest", "centred error", "ms", "speed-up", "scratch", "heap")) {
            page.append("<th>").append(name).append("</th>");
        }
        page.append("</tr>\n");
        if (withReference && plan.longest() == AUTHORS_ROWS) {
            AUTHORS.forEach((f, error) -> cells(page, " class=\"reference\"", "KDEformer, the authors' code",
                    InputOptions.DEFAULT_DATA, plan.longest(), plan.longest(), 100, 100, f, "-", 5,
                    Sentences.digits(error[0]), Sentences.digits(error[1]), Sentences.digits(error[2]), "-", "-", "-",
                    "-", "-"));
        }
        for (PaperRow row : of(experiment)) {
            Object[] first = {row.method(), row.input().name(), row.input().input().queries(),
                row.input().input().keys(), row.input().input().d(), row.input().input().dv(),
                row.features() == 0 ? "-" : row.features()};
            if (!row.isRun()) {
                page.append("<tr>");
                for (Object cell : first) {
                    page.append("<td>").append(escaped(cell.toString())).append("</td>");
                }
                page.append("<td colspan=\"10\" style=\"text-align: left\">not run: ").append(escaped(row.problem()))
                        .append("</td></tr>\n");
                continue;
            }
            cells(page, "", first[0], first[1], first[2], first[3], first[4], first[5], first[6],
                    Sentences.count(row.columns()), row.seeds(), spread(row.spectral(), row.seeds()),
                    Sentences.digits(row.spectral().min()), Sentences.digits(row.spectral().max()),
                    spread(row.centred(), row.seeds()), Sentences.digits(row.ms()),
                    Sentences.digits(row.speedup()) + "×", Sentences.bytes(row.scratchBytes()),
                    Sentences.bytes(row.heapBytes()));
        }
        page.append("</table></div>\n");
    }

    private static void cells(StringBuilder page, String attributes, Object... cells) {
        page.append("<tr").append(attributes).append('>');
        for (Object cell : cells) {
            page.append("<td>").append(escaped(cell.toString())).append("</td>");
        }
        page.append("</tr>\n");
    }

    private static String spread(PaperRow.Spread spread, int seeds) {
        return Sentences.digits(spread.mean()) + (seeds < 2 ? ""
                : String.format(Locale.ROOT, " ± %s", Sentences.digits(spread.deviation())));
    }

    private static void heading(StringBuilder page, String text) {
        page.append("<h2>").append(escaped(text)).append("</h2>\n");
    }

    private static void paragraph(StringBuilder page, String text) {
        page.append("<p>").append(escaped(text)).append("</p>\n");
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
    }
}
