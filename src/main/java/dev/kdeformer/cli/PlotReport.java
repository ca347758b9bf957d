package dev.kdeformer.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** The two pictures of a comparison: error over time and error over columns, a line for each method. */
final class PlotReport {
    private static final String ERROR = "relative spectral error, mean over heads";

    private PlotReport() {
    }

    /** The panels, of which the last explains the colours. */
    static List<Panel> panels(Report report) {
        String name = report.input().name();
        Panel overTime = new Panel(name + ": error over time", "median ms", ERROR, false);
        Panel overColumns = new Panel(name + ": error over columns", "key evaluations per query", ERROR, true);
        fill(overTime, report, run -> run.times().medianMs());
        fill(overColumns, report, Report.Run::columns);
        return List.of(overTime, overColumns);
    }

    private static void fill(Panel panel, Report report, ToDoubleFunction<Report.Run> x) {
        Map<String, List<Report.Run>> byMethod = new LinkedHashMap<>();
        for (Report.Run run : report.runs()) {
            if (run.error() != null && !run.method().equals(Bench.EXACT)) {
                byMethod.computeIfAbsent(run.method(), method -> new ArrayList<>()).add(run);
            }
        }
        byMethod.forEach((method, runs) -> panel.add(method, runs.stream()
                .map(run -> new double[] {x.applyAsDouble(run), run.error().mean().spectral()}).toList()));
        report.runs().stream().filter(run -> run.method().equals(Bench.EXACT)).findFirst()
                .ifPresent(run -> panel.addUpright(Bench.EXACT, x.applyAsDouble(run)));
    }
}
