package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.cli.methods.MethodEntry;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.reference.ChildJvm;
import dev.kdeformer.reference.Documents;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What README.md and docs/ say is what the code does. */
class ReadmeTest {
    private static final Path README = Path.of("README.md");

    private static final String IMPORTS = """
            import dev.kdeformer.*;
            import dev.kdeformer.decode.*;
            import dev.kdeformer.kde.*;
            import dev.kdeformer.measure.*;
            import dev.kdeformer.tensor.*;
            import java.lang.foreign.Arena;
            import java.nio.file.*;
            import java.util.Arrays;

            """;

    private static final String SIGNATURE = """
            static void run(int heads, int n, int m, int d, int dv, float[] queries, float[] keys, float[] values)
                    throws Exception {
            """;

    private static final String CALL = ".run(2, 40, 64, 8, 6, numbers(640), numbers(1024), numbers(768));\n";

    private static final String ALL = """
            import java.util.Random;

            class All {
                static float[] numbers(int count) {
                    float[] numbers = new float[count];
                    Random random = new Random(count);
                    for (int i = 0; i < count; i++) {
                        numbers[i] = (float) random.nextGaussian();
                    }
                    return numbers;
                }

                public static void main(String[] args) throws Exception {
            """;

    @TempDir
    private Path folder;

    /** Lines that call kdebench; lists of commands have two spaces after the name. */
    private static List<String> calls() throws IOException {
        List<String> calls = new ArrayList<>();
        for (Path file : Documents.files()) {
            Files.readString(file).lines().filter(line -> line.matches("kdebench \\w+( \\S.*)?")).forEach(calls::add);
        }
        assertTrue(calls.size() >= 20, calls.toString());
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
        String text = Files.readString(Path.of("docs", "command-line.md"));
        for (String command : Main.commandLine().getSubcommands().keySet()) {
            assertTrue(text.contains("\nkdebench " + command + "  "), command);
        }
    }

    @Test
    void theMethodsAreThoseOfTheCommandLine() throws IOException {
        List<String> names = Methods.all().stream().<String>map(MethodEntry::name).toList();
        String text = Files.readString(Path.of("docs", "methods.md"));
        for (String table : text.split("\n## What each takes\n")) {
            assertEquals(names, table.lines().filter(line -> line.startsWith("| `"))
                    .map(line -> line.split("`")[1]).toList());
        }
    }

    @Test
    void everyLinkLeadsSomewhere() throws IOException {
        int links = 0;
        for (Path file : Documents.files()) {
            for (MatchResult link : Pattern.compile("]\\(([^)\\s]+)\\)").matcher(Files.readString(file)).results()
                    .toList()) {
                if (!link.group(1).contains("://")) {
                    String[] parts = link.group(1).split("#");
                    Path target = parts[0].isEmpty() ? file : file.resolveSibling(parts[0]).normalize();
                    assertTrue(Files.exists(target), file + ": " + link.group(1));
                    assertTrue(parts.length == 1 || Documents.anchors(Files.readString(target)).contains(parts[1]),
                            file + ": " + link.group(1));
                    links++;
                }
            }
        }
        assertTrue(links >= 10);
    }

    @Test
    void theVersionIsThatOfTheBuild() throws IOException {
        String[] versions = new String[2];
        Path[] files = {README, Path.of("pom.xml")};
        for (int i = 0; i < files.length; i++) {
            versions[i] = Files.readString(files[i]).split("<artifactId>kdeformer</artifactId>\\s*<version>", 2)[1]
                    .split("<")[0];
        }
        assertEquals(versions[1], versions[0]);
        assertTrue(Files.readString(README).contains("kdeformer-" + versions[1] + ".jar"));
        assertTrue(Files.readString(Path.of("CHANGELOG.md")).contains("\n## " + versions[1]));
    }

    @Test
    void theFirstProgramRunsWithTheTwoFlags() throws Exception {
        Documents.compile(folder, "First", Documents.programs(README).get(0));
        ChildJvm.Result result = run("First");
        assertTrue(Float.isFinite(Float.parseFloat(result.out())), result.out());
    }

    @Test
    void theOtherProgramsRun() throws Exception {
        List<String> sources = new ArrayList<>();
        StringBuilder all = new StringBuilder();
        for (Path file : Documents.files()) {
            for (String body : Documents.programs(file)) {
                if (!body.startsWith("import ")) {
                    String name = "Program" + sources.size();
                    sources.addAll(List.of(name, IMPORTS + "class " + name + " {\n" + SIGNATURE + body + "}\n}\n"));
                    all.append(name).append(CALL);
                }
            }
        }
        assertFalse(sources.isEmpty());
        sources.addAll(List.of("All", ALL + all + "}\n}\n"));
        Documents.compile(folder, sources.toArray(String[]::new));
        run("All");
    }

    private ChildJvm.Result run(String main) throws Exception {
        List<String> options = new ArrayList<>(flags());
        // The child is started for short commands; attention without the second compiler takes minutes.
        options.addAll(List.of("-XX:TieredStopAtLevel=4", "-cp",
                folder + File.pathSeparator + System.getProperty("java.class.path")));
        ChildJvm.Result result = ChildJvm.start(folder, options, main).end();
        assertEquals("", result.err());
        assertEquals(0, result.code());
        return result;
    }

    private static List<String> flags() throws IOException {
        return List.of(Files.readString(README).lines().filter(line -> line.startsWith("--add-modules")).findFirst()
                .orElseThrow().split(" "));
    }
}
