package dev.kdeformer.reference;

import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** The texts for readers, README.md and docs/, and the programs in them. */
public final class Documents {
    private static final Pattern JAVA = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

    private Documents() {
    }

    /** All Markdown files of the project. */
    public static List<Path> files() throws IOException {
        List<Path> files = new ArrayList<>();
        for (Path folder : List.of(Path.of("."), Path.of("docs"))) {
            try (Stream<Path> list = Files.list(folder)) {
                list.filter(file -> file.toString().endsWith(".md")).map(Path::normalize).sorted().forEach(files::add);
            }
        }
        return files;
    }

    /** Text between fences marked as Java, in order. */
    public static List<String> programs(Path file) throws IOException {
        return JAVA.matcher(Files.readString(file)).results().map(found -> found.group(1)).toList();
    }

    /**
     * Compiles classes into a folder.
     *
     * @param sources file names and contents in turn, the name of a file without its ending
     */
    public static void compile(Path folder, String... sources) throws IOException {
        List<JavaFileObject> files = new ArrayList<>();
        for (int i = 0; i < sources.length; i += 2) {
            String text = sources[i + 1];
            files.add(new SimpleJavaFileObject(URI.create("string:///" + sources[i] + ".java"),
                    JavaFileObject.Kind.SOURCE) {
                @Override
                public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                    return text;
                }
            });
        }
        boolean preview = Runtime.version().feature() == 21;
        List<String> options = new ArrayList<>(List.of("-d", folder.toString(), "-proc:none"));
        if (preview) {
            options.addAll(List.of("--enable-preview", "--release", "21"));
        }
        StringWriter messages = new StringWriter();
        if (!ToolProvider.getSystemJavaCompiler().getTask(messages, null, null, options, null, files).call()) {
            throw new AssertionError(messages.toString());
        }
        if (preview) {
            takeMarkOff(folder);
        }
    }

    /** Java 21 has java.lang.foreign as a preview to compile with, and needs nothing to run it but an unmarked file. */
    private static void takeMarkOff(Path folder) throws IOException {
        try (Stream<Path> list = Files.list(folder)) {
            for (Path file : list.filter(each -> each.toString().endsWith(".class")).toList()) {
                byte[] bytes = Files.readAllBytes(file);
                bytes[4] = 0;
                bytes[5] = 0;
                Files.write(file, bytes);
            }
        }
    }

    /** The anchors that the headings of a Markdown text make. */
    public static List<String> anchors(String text) {
        Matcher heading = Pattern.compile("(?m)^#+ (.*)$").matcher(text.replaceAll("(?s)```.*?```", ""));
        return heading.results().map(found -> found.group(1).toLowerCase(Locale.ROOT)
                .replaceAll("[^\\p{L}\\p{N} -]", "").replace(' ', '-')).toList();
    }
}
