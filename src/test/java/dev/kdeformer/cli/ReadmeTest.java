package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.cli.methods.MethodEntry;
import dev.kdeformer.cli.methods.Methods;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What the README says is what the code does. */
class ReadmeTest {
    @TempDir
    private Path folder;

    private static String readme() throws IOException {
        return Files.readString(Path.of("README.md"));
    }

    /** Lines that call kdebench; lists of commands have two spaces after the name. */
    private static List<String> calls() throws IOException {
        List<String> calls = readme().lines().filter(line -> line.matches("kdebench \\w+( -.*)?")).toList();
        assertTrue(calls.size() >= 4, calls.toString());
        return calls;
    }

    @Test
    void everyCallIsAccepted() throws IOException {
        for (String call : calls()) {
            CommandLine line = Main.commandLine();
            line.parseArgs(call.substring("kdebench ".length()).split(" +"));
        }
    }

    @Test
    void everyCommandIsListed() throws IOException {
        for (String command : Main.commandLine().getSubcommands().keySet()) {
            assertTrue(readme().contains("\nkdebench " + command + "  "), command);
        }
    }

    @Test
    void theMethodsAreThoseOfTheCommandLine() throws IOException {
        String section = readme().split("\n## Methods\n")[1].split("\n## ")[0];
        List<String> listed = section.lines().filter(line -> line.startsWith("| `"))
                .map(line -> line.split("`")[1]).toList();
        assertEquals(Methods.all().stream().<String>map(MethodEntry::name).toList(), listed);
    }

    @Test
    void theProgramCompiles() throws IOException {
        Matcher code = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(readme());
        int examples = 0;
        while (code.find()) {
            compile("Example" + ++examples, code.group(1));
        }
        assertTrue(examples >= 1);
    }

    private void compile(String name, String body) {
        String source = """
                import dev.kdeformer.*;
                import dev.kdeformer.decode.*;
                import dev.kdeformer.tensor.*;
                import java.lang.foreign.Arena;

                class %s {
                    static void run(int heads, int n, int m, int d, int dv, float[] queries, float[] keys,
                            float[] values) throws Exception {
                %s
                    }
                }
                """.formatted(name, body);
        JavaFileObject file = new SimpleJavaFileObject(URI.create("string:///" + name + ".java"),
                JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return source;
            }
        };
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter messages = new StringWriter();
        // Java 21 needs its preview of java.lang.foreign switched on to compile; running needs nothing.
        int feature = Runtime.version().feature();
        List<String> options = feature > 21 ? List.of("-d", folder.toString())
                : List.of("-d", folder.toString(), "--enable-preview", "--release", "21");
        boolean compiled = compiler.getTask(messages, null, null, options, null, List.of(file)).call();
        assertTrue(compiled, messages.toString());
    }
}
