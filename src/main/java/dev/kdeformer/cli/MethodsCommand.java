package dev.kdeformer.cli;

import dev.kdeformer.cli.methods.MethodEntry;
import dev.kdeformer.cli.methods.MethodOption;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Table;
import java.io.PrintWriter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Lists the methods and their options. */
@Command(name = "methods",
        description = "List the methods and the options that -O sets.")
final class MethodsCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        PrintWriter out = spec.commandLine().getOut();
        Table methods = Table.ofTexts("method", "--columns", "what it is", "after");
        Table options = Table.ofTexts("option", "value", "default", "meaning");
        boolean any = false;
        for (MethodEntry<?> method : Methods.all()) {
            methods.row(method.name(), method.takesColumns() ? "yes" : "no", method.description(), method.source());
            for (MethodOption<?, ?> option : method.options()) {
                options.row(method.name() + "." + option.name(), option.kind(), option.byDefault(), option.meaning());
                any = true;
            }
        }
        out.print(methods.forTerminal());
        if (any) {
            out.print("\nOptions, set with -O NAME=VALUE:\n\n" + options.forTerminal());
        }
    }
}
