package dev.kdeformer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.onnx.TestModel;
import dev.kdeformer.reference.ChildJvm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
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
            "LongDocument", new Figure("cosine of one piece and pieces of 512", 0.99, 1.000001),
            "MapRegression", new Figure("error of the map", 0, 0.1),
            "PrefillAndDecode", new Figure("largest change", 0, 1e-5)));

    @TempDir
    private Path folder;

    @Test
    void allRun() throws Exception {
        List<String> options = new ArrayList<>(flags());
        // A child is started for short commands, without the second compiler. Examples print as the user's language
        // does.
        options.addAll(List.of("-XX:TieredStopAtLevel=4", "-Duser.language=en", "-DDJL_CACHE_DIR=" + folder));
        Map<String, String> arguments = Map.of("ExactAndBudget", "=8192", "LongDocument", document());
        ChildJvm.Result result = ChildJvm.start(folder, options, All.class.getName(), FIGURES.keySet().stream()
                .map(name -> name + arguments.getOrDefault(name, "")).toArray(String[]::new)).end();
        assertEquals("", result.err(), result.out());
        assertEquals(0, result.code(), result.out());
        FIGURES.forEach((name, figure) -> {
            Matcher found = Pattern.compile(figure.label + " +([-+.0-9eE]+)").matcher(result.out());
            assertTrue(found.find(), name + ": " + result.out());
            double value = Double.parseDouble(found.group(1));
            assertTrue(value >= figure.least && value <= figure.most, name + ": " + result.out());
        });
    }

    /** A model with one attention, a tokenizer of a few words and a text of 2,000, as arguments. */
    private String document() throws IOException {
        TestModel model = new TestModel(17, 1);
        String ids = model.input("input_ids", new long[] {0}, 1, 1);
        String mask = model.input("attention_mask", new long[] {0}, 1, 1);
        String types = model.input("token_type_ids", new long[] {0}, 1, 1);
        String x = model.node("Add", model.node("Gather", model.weight(12, 16), ids),
                model.node("Gather", model.weight(2, 16), types));
        String hidden = model.node("Mul", model.node("Sub", model.scalar(1), model.reshape(model.cast(mask, 1), 0, 1,
                -1)), model.scalar(-Float.MAX_VALUE));
        String scores = model.node("MatMul", x, model.transpose(x, 0, 2, 1));
        String output = model.node("MatMul", model.softmax(model.node("Add", scores, hidden), -1), x);
        List<String> words = List.of("[PAD]", "[CLS]", "[SEP]", "[UNK]", "a", "cat", "and", "dog", "are", "on", "the",
                "mat");
        String vocabulary = IntStream.range(0, words.size()).mapToObj(i -> "\"" + words.get(i) + "\":" + i)
                .collect(Collectors.joining(","));
        String text = new Random(1).ints(2000, 4, words.size()).mapToObj(words::get).collect(Collectors.joining(" "));
        return "=" + model.output(output).write(folder.resolve("model.onnx"))
                + "=" + Files.writeString(folder.resolve("tokenizer.json"), """
                {"version":"1.0","pre_tokenizer":{"type":"Whitespace"},"post_processor":{"type":"BertProcessing",
                 "sep":["[SEP]",2],"cls":["[CLS]",1]},"model":{"type":"WordLevel","unk_token":"[UNK]","vocab":{%s}}}
                """.formatted(vocabulary)) + "=" + Files.writeString(folder.resolve("text.txt"), text);
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
