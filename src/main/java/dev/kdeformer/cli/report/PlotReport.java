package dev.kdeformer.cli.report;

import dev.kdeformer.cli.methods.Methods;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** The two pictures of a comparison: error over time and over evaluations, a line for each method. */
public final class PlotReport {
    private static final String ERROR = "relative spectral error, mean over heads";

    private PlotReport() {
    }

    /** The panels, of which the last explains the colours. */
    public static List<Panel> panels(Report report) {
        String name = report.input().name();
        Panel overTime = new Panel(name + ": error over time", "median ms", ERROR, false);
        Panel overEvaluations = new Panel(name + ": error over evaluations", "key evaluations per query", ERROR, true);
        fill(overTime, report, run -> run.times().medianMs());
        fill(overEvaluations, report, Report.Run::evaluations);
        return List.of(overTime, overEvaluations);
    }

    private static void fill(Panel panel, Report report, ToDoubleFunction<Report.Run> x) {
        Map<String, List<Report.Run>> byMethod = new LinkedHashMap<>();
        for (Report.Run run : report.runs()) {
            if (run.error() != null) {
                byMethod.computeIfAbsent(run.method(), method -> new ArrayList<>()).add(run);
            }
        }
        List<Report.Run> exact = byMethod.remove(Methods.EXACT);
        // The trivial method's time and evaluations say nothing, and would stretch the picture.
        List<Report.Run> trivial = byMethod.size() > 1 ? byMethod.remove(Methods.TRIVIAL) : null;
        byMethod.forEach((method, runs) -> panel.add(method, runs.stream()
                .map(run -> new double[] {x.applyAsDouble(run), run.error().mean().spectral()}).toList()));
        if (exact != null) {
            panel.addUpright(Methods.EXACT, x.applyAsDouble(exact.get(0)));
        }
        if (trivial != null) {
            panel.addLevel(Methods.TRIVIAL, trivial.get(0).error().mean().spectral());
        }
    }
}
