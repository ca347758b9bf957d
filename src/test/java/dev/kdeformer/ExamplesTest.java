package dev.kdeformer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.reference.ChildJvm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs of src/examples/java: short, runnable as they stand, and right. */
class ExamplesTest {
    private static final Path EXAMPLES = Path.of("src", "examples", "java");

    /** What follows the label in a line of output. */
    private record Figure(String label, double least, double most) {
    }

    /** A figure of each example that shows that it did what it is there for. */
    private static final Map<String, Figure> FIGURES = new TreeMap<>(Map.of(
            "Denoise", new Figure("denoised", 25, 60),
            "Density", new Figure("worst relative error", 0, 0.01),
            "ExactAndBudget", new Figure("true error", 1e-5, 0.05),
            "Gradients", new Figure("loss after step 60", 0, 0.4),
            "MapRegression", new Figure("error of the map", 0, 0.1),
            "PrefillAndDecode", new Figure("largest change", 0, 1e-5)));

    @TempDir
    private Path folder;

    @Test
    void allRun() throws Exception {
        List<String> options = new ArrayList<>(flags());
        // A child is started for short commands, without the second compiler. Examples print as the user's language
        // does.
        options.addAll(List.of("-XX:TieredStopAtLevel=4", "-Duser.language=en"));
        ChildJvm.Result result = ChildJvm.start(folder, options, All.class.getName(),
                FIGURES.keySet().stream().map(name -> name.equals("ExactAndBudget") ? name + "=8192" : name)
                        .toArray(String[]::new)).end();
        assertEquals("", result.err());
        assertEquals(0, result.code());
        FIGURES.forEach((name, figure) -> {
            Matcher found = Pattern.compile(figure.label + " +([-+.0-9eE]+)").matcher(result.out());
            assertTrue(found.find(), name + ": " + result.out());
            double value = Double.parseDouble(found.group(1));
            assertTrue(value >= figure.least && value <= figure.most, name + ": " + result.out());
        });
    }

    @Test
    void eachIsShortAndStartsByItself() throws IOException {
        String version = Files.readString(Path.of("pom.xml")).split("<version>")[1].split("<")[0];
        List<Path> files;
        try (Stream<Path> list = Files.list(EXAMPLES)) {
            files = list.sorted().toList();
        }
        assertEquals(new ArrayList<>(FIGURES.keySet()),
                files.stream().map(file -> file.getFileName().toString().replace(".java", "")).toList());
        for (Path file : files) {
            String text = Files.readString(file);
            assertTrue(text.lines().count() < 80, file.toString());
            assertTrue(text.startsWith("///usr/bin/env jbang "), file.toString());
            assertTrue(text.contains("\n//DEPS dev.kdeformer:kdeformer:" + version + "\n"), file.toString());
            assertTrue(text.contains("\n//RUNTIME_OPTIONS " + String.join(" ", flags()) + "\n"), file.toString());
        }
    }

    private static List<String> flags() {
        return List.of("--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED");
    }

    /** Runs examples one after the other; what follows the sign of equality is an argument. */
    static final class All {
        private All() {
        }

        public static void main(String[] names) throws ReflectiveOperationException {
            for (String name : names) {
                String[] parts = name.split("=");
                Class.forName(parts[0]).getMethod("main", String[].class).invoke(null,
                        (Object) Arrays.copyOfRange(parts, 1, parts.length));
            }
        }
    }
}
