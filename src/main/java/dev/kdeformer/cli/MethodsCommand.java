package dev.kdeformer.cli;

import dev.kdeformer.cli.methods.MethodEntry;
import dev.kdeformer.cli.methods.MethodOption;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.JsonReport;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Lists the methods and their options. */
@Command(name = "methods",
        description = "List the methods and the options that -O sets.")
final class MethodsCommand implements Runnable {
    @Option(names = "--json", description = "Print the lists as JSON.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    /** An option with the method that has it. */
    private record Owned(MethodEntry<?> method, MethodOption<?, ?> option) {
    }

    @Override
    public void run() {
        Columns<MethodEntry<?>> methods = new Columns<MethodEntry<?>>()
                .text("method", "name", MethodEntry::name)
                .both("--columns", "takesColumns", MethodEntry::takesEvaluations,
                        method -> method.takesEvaluations() ? "yes" : "no")
                .both("--budget", "takesBudget", MethodEntry::takesErrorBudget,
                        method -> method.takesErrorBudget() ? "yes" : "no")
                .field("takesCalibration", MethodEntry::takesCalibration)
                .field("takesSeed", MethodEntry::takesSeed)
                .text("what it is", "description", MethodEntry::description)
                .text("after", "source", MethodEntry::source);
        Columns<Owned> options = new Columns<Owned>()
                .both("option", "method", owned -> owned.method().name(),
                        owned -> owned.method().name() + "." + owned.option().name())
                .field("name", owned -> owned.option().name())
                .text("value", "kind", owned -> owned.option().kind())
                .text("default", "default", owned -> owned.option().byDefault())
                .text("meaning", "meaning", owned -> owned.option().meaning());
        List<Owned> owned = new ArrayList<>();
        Methods.all().forEach(method -> method.options().forEach(option -> owned.add(new Owned(method, option))));
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            Map<String, Object> lists = new LinkedHashMap<>();
            lists.put("methods", methods.maps(Methods.all()));
            lists.put("options", options.maps(owned));
            out.print(JsonReport.text(lists));
            return;
        }
        out.print(methods.texts(Methods.all()).forTerminal());
        if (!owned.isEmpty()) {
            out.print("\nOptions, set with -O NAME=VALUE:\n\n" + options.texts(owned).forTerminal());
        }
    }
}
