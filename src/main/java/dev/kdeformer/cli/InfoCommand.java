package dev.kdeformer.cli;

import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.Terminal;
import dev.kdeformer.cli.report.JsonReport;
import dev.kdeformer.runtime.MachineProbe;
import java.io.PrintWriter;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Shows what the machine is and what it can do at best. */
@Command(name = "info",
        description = "Show JDK, processor and vector width, and measure the peak rate of fused "
        + "multiply-adds and the memory bandwidth (a few seconds).")
final class InfoCommand implements Runnable {
    @Option(names = "--json", description = "Print the facts as JSON.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        Map<String, Object> facts = Machine.facts();
        int cores = (int) facts.get("cores");
        double[] done = {0};
        int steps = cores == 1 ? 2 : 4;
        try (Progress progress = new Progress(spec.commandLine().getErr(), Terminal.showsErrors(), () -> done[0])) {
            progress.stage("measuring");
            facts.put("peakGflopsOneCore", MachineProbe.peakGflops(1));
            done[0] += 1.0 / steps;
            facts.put("readGigabytesPerSecondOneCore", MachineProbe.readGigabytes(1));
            done[0] += 1.0 / steps;
            facts.put("peakGflops", cores == 1 ? facts.get("peakGflopsOneCore") : MachineProbe.peakGflops(cores));
            done[0] += 1.0 / steps;
            facts.put("readGigabytesPerSecond", cores == 1 ? facts.get("readGigabytesPerSecondOneCore")
                    : MachineProbe.readGigabytes(cores));
        }
        PrintWriter out = spec.commandLine().getOut();
        out.print(json ? JsonReport.text(facts) : text(facts));
    }

    private static String text(Map<String, Object> facts) {
        String[][] lines = {
            {"kdebench", facts.get("kdebench").toString()},
            {"JDK", facts.get("jdk") + ", " + facts.get("vm")},
            {"system", facts.get("os") + ", " + facts.get("arch")},
            {"processor", facts.get("cpu").toString()},
            {"cores", facts.get("cores").toString()},
            {"vectors", facts.get("vectorBits") + " bits (" + (int) facts.get("vectorBits") / 32 + " floats)"},
            {"FMA peak", rate(facts, "peakGflops", "GFLOP/s")},
            {"memory read", rate(facts, "readGigabytesPerSecond", "GB/s")}};
        StringBuilder text = new StringBuilder();
        for (String[] line : lines) {
            text.append(String.format("%-12s %s%n", line[0], line[1]));
        }
        return text.toString();
    }

    private static String rate(Map<String, Object> facts, String name, String unit) {
        return Sentences.digits((double) facts.get(name + "OneCore")) + " " + unit + " one core, "
                + Sentences.digits((double) facts.get(name)) + " " + unit + " all cores";
    }
}
