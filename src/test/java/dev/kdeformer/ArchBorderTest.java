package dev.kdeformer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.kdeformer.reference.ChildJvm;
import dev.kdeformer.runtime.Crews;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The border of the module: what is exported speaks of nothing that is not, and modular programs compile and run. */
class ArchBorderTest {
    private static final Path MODULE = Path.of("src/main/module/module-info.java");
    private static final Path CLASSES = Path.of("target/classes").toAbsolutePath();

    @TempDir
    private Path folder;

    private static Set<String> exported() throws IOException {
        return Pattern.compile("^ *exports ([\\w.]+);", Pattern.MULTILINE).matcher(Files.readString(MODULE)).results()
                .map(found -> found.group(1)).collect(Collectors.toCollection(TreeSet::new));
    }

    private static boolean isShown(Set<JavaModifier> modifiers) {
        return modifiers.contains(JavaModifier.PUBLIC) || modifiers.contains(JavaModifier.PROTECTED);
    }

    /** Whether a type and those round it can be named from outside of the package. */
    private static boolean isShown(JavaClass type) {
        return isShown(type.getModifiers()) && type.getEnclosingClass().map(ArchBorderTest::isShown).orElse(true);
    }

    /** The types that a use of a type meets: what it extends, its members' and its own parameters' types. */
    private static Stream<JavaType> met(JavaClass type) {
        Stream<JavaCodeUnit> units = type.getAllMethods().stream()
                .filter(method -> !method.getOwner().isEquivalentTo(Object.class)).map(method -> method);
        Stream<JavaType> ofUnits = Stream.concat(units, type.getConstructors().stream())
                .filter(unit -> isShown(unit.getModifiers()) && !unit.getModifiers().contains(JavaModifier.SYNTHETIC))
                .flatMap(unit -> Stream.of(Stream.of(unit.getReturnType()), unit.getParameterTypes().stream(),
                        unit.getTypeParameters().stream().flatMap(each -> each.getBounds().stream()),
                        unit.getThrowsClause().getTypes().stream()).flatMap(each -> each));
        Stream<JavaType> fields = type.getAllFields().stream().filter(field -> isShown(field.getModifiers()))
                .map(field -> field.getType());
        // Of a supertype that cannot be named, only the members that it hands down are met, and they are seen above.
        Stream<JavaType> above = Stream.concat(type.getSuperclass().stream(), type.getInterfaces().stream())
                .filter(each -> isShown(each.toErasure()));
        Stream<JavaType> own = type.getTypeParameters().stream().flatMap(each -> each.getBounds().stream());
        return Stream.of(ofUnits, fields, above, own).flatMap(each -> each);
    }

    @Test
    void exportedSignaturesSpeakOfExportedTypesOnly() throws IOException {
        Set<String> exported = exported();
        assertTrue(exported.contains("dev.kdeformer"), exported.toString());
        List<String> leaks = new ArrayList<>();
        int seen = 0;
        for (JavaClass type : new ClassFileImporter().withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("dev.kdeformer")) {
            if (!exported.contains(type.getPackageName()) || !isShown(type)) {
                continue;
            }
            seen++;
            met(type).flatMap(each -> each.getAllInvolvedRawTypes().stream()).map(JavaClass::getBaseComponentType)
                    .filter(each -> !each.isPrimitive() && !each.getPackageName().startsWith("java."))
                    .filter(each -> !each.getPackageName().startsWith("ai.onnxruntime")) // of a module that is required
                    .filter(each -> !exported.contains(each.getPackageName()) || !isShown(each))
                    .map(each -> type.getName() + " shows " + each.getName()).distinct().forEach(leaks::add);
        }
        assertEquals(List.of(), leaks);
        assertTrue(seen > 50, seen + " exported types");
    }

    /** Compiles with what javac would be given on a module path; empty if it accepts, else what it says. */
    private String compile(List<String> options, Path... sources) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter messages = new StringWriter();
        try (var manager = compiler.getStandardFileManager(null, null, null)) {
            boolean accepted = compiler.getTask(messages, manager, null, options, null,
                    manager.getJavaFileObjects(sources)).call();
            return accepted ? "" : messages.toString();
        }
    }

    private String modulePath(String... more) throws IOException {
        List<String> path = new ArrayList<>(List.of(more));
        Stream.of(System.getProperty("java.class.path").split(System.getProperty("path.separator")))
                .filter(each -> each.contains("fastutil") || each.contains("onnxruntime")).forEach(path::add);
        return String.join(System.getProperty("path.separator"), path);
    }

    private Path source(String name, String text) throws IOException {
        Path file = folder.resolve("src").resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    /** What the library's jar holds: its classes without the command line's, and the description of the module. */
    private Path library() throws IOException {
        Path module = folder.resolve("library");
        try (Stream<Path> files = Files.walk(CLASSES)) {
            for (Path file : files.filter(each -> each.toString().endsWith(".class")).toList()) {
                Path inside = CLASSES.relativize(file);
                if (!inside.startsWith("dev/kdeformer/cli") && !inside.endsWith("module-info.class")) {
                    Files.createDirectories(module.resolve(inside).getParent());
                    Files.copy(file, module.resolve(inside));
                }
            }
        }
        assertEquals("", compile(List.of("-d", module.toString(), "-p", modulePath()), MODULE));
        return module;
    }

    private List<String> against(Path library, Path output) throws IOException {
        return List.of("-d", output.toString(), "-p", modulePath(library.toString()));
    }

    @Test
    void aModularProgramRuns() throws Exception {
        Path library = library();
        Path info = source("module-info.java", "module program { requires dev.kdeformer; }");
        Path main = source("program/Main.java", """
                package program;

                import dev.kdeformer.Attention;
                import dev.kdeformer.AttentionInput;
                import dev.kdeformer.Engine;
                import dev.kdeformer.kde.Estimator;
                import dev.kdeformer.kde.Kernel;
                import dev.kdeformer.kde.KernelDensity;
                import dev.kdeformer.tensor.Shape;
                import dev.kdeformer.tensor.Tensor;
                import java.lang.foreign.Arena;

                public final class Main {
                    public static void main(String[] args) {
                        try (Arena arena = Arena.ofShared(); Engine engine = Engine.create(2)) {
                            Tensor q = Tensor.copyOf(arena, Shape.of(2, 2), 1, 0, 0, 1);
                            Tensor output = Tensor.allocate(arena, Shape.of(2, 2));
                            Attention.exact().build().apply(engine, AttentionInput.of(q, q, q), output);
                            double[] logs = new double[2];
                            try (KernelDensity density = KernelDensity.builder().kernel(Kernel.gaussian(1))
                                    .estimator(Estimator.EXACT).build(engine, q)) {
                                density.query(engine, q, logs);
                            }
                            System.out.printf("%.4f %.4f%n", output.matrix(0, 0).get(0, 0), logs[0]);
                        }
                    }
                }
                """);
        Path program = folder.resolve("program");
        assertEquals("", compile(against(library, program), info, main));
        ChildJvm.Result result = ChildJvm.onModulePath(folder, modulePath(library.toString(), program.toString()),
                "program/program.Main").end();
        assertEquals("", result.err());
        // softmax(1 / √2, 0) and log(1 + exp(−1)).
        assertEquals(String.format("%.4f %.4f%n", 1 / (1 + Math.exp(-Math.sqrt(0.5))), Math.log1p(Math.exp(-1))),
                result.out());
    }

    @Test
    void aModularProgramSeesNothingElse() throws IOException {
        Path library = library();
        Path info = source("module-info.java", "module program { requires dev.kdeformer; }");
        Path main = source("program/Main.java", "package program; class Main { " + Crews.class.getName() + " x; }");
        String messages = compile(against(library, folder.resolve("program")), info, main);
        assertTrue(messages.contains("dev.kdeformer.runtime"), messages);
        assertFalse(exported().contains("dev.kdeformer.runtime"));
    }
}
