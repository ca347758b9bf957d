package dev.kdeformer;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The arrows between packages: which may know of which. */
class ArchPackagesTest {
    private static final String ROOT = "dev.kdeformer";

    /**
     * What a package, with those below it, may know of besides itself and Java. {@code api} stands for the root
     * package without {@link Attention}, which knows every method and is known by none.
     */
    private static final Map<String, String> ARROWS = new TreeMap<>(Map.ofEntries(
            Map.entry("runtime", ""),
            Map.entry("tensor", "runtime"),
            Map.entry("sampling", "runtime"),
            Map.entry("io", "runtime tensor"),
            Map.entry("linalg", "runtime"),
            Map.entry("kernel", "runtime tensor"),
            Map.entry("api", "linalg runtime tensor"),
            Map.entry("lsh", "kernel runtime sampling tensor"),
            Map.entry("method", "api kernel runtime tensor"),
            Map.entry("exact", "api kernel method runtime tensor"),
            Map.entry("kde", "api kernel linalg runtime sampling tensor"),
            Map.entry("kdeformer", "api exact kde kernel linalg lsh method runtime sampling tensor"),
            Map.entry("pilot", "api exact kernel linalg method runtime sampling tensor"),
            Map.entry("rivals", "api kernel linalg lsh method runtime sampling tensor"),
            Map.entry("decode", "api io kernel linalg measure method runtime sampling tensor"),
            Map.entry("measure", "api linalg runtime sampling tensor"),
            Map.entry("onnx", "api exact runtime tensor"),
            Map.entry("langchain4j", "api exact onnx")));

    /** The rooms of pilot attention, and which of the others each may know of. */
    private static final Map<String, String> PILOT = new TreeMap<>(Map.of(
            "keys", "",
            "tile", "keys",
            "search", "",
            "repeats", "search",
            "cells", "keys search tile",
            "walk", "cells keys search tile",
            "causal", "keys search tile walk",
            "gradient", "keys search tile walk causal"));

    /** Code that is not this library's. Kernels and what lies below them stand on Java alone. */
    private static final String[] JAVA = {"java..", "jdk.incubator.vector..", "com.sun.management.."};
    private static final Set<String> ON_JAVA_ALONE = Set.of("runtime", "tensor", "sampling", "kernel");

    private static final Map<String, String> OUTSIDE = Map.of("onnx", "ai.onnxruntime..", "langchain4j", "..");

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS).importPackages(ROOT);

    private static String room(JavaClass type) {
        String name = type.getPackageName();
        return name.equals(ROOT) ? "api" : name.substring(ROOT.length() + 1).split("\\.")[0];
    }

    /** Command line and training stand above the library, in a jar of their own. */
    private static boolean isLibrary(JavaClass type) {
        String name = type.getPackageName();
        return name.equals(ROOT) || name.startsWith(ROOT + ".") && !Set.of("cli", "train").contains(room(type));
    }

    private static boolean isEntry(JavaClass type) {
        return type.isEquivalentTo(Attention.class);
    }

    @Test
    void everyPackageHasItsArrows() {
        Set<String> rooms = new TreeSet<>();
        CLASSES.stream().filter(ArchPackagesTest::isLibrary).forEach(type -> rooms.add(room(type)));
        assertEquals(ARROWS.keySet(), rooms);
    }

    @Test
    void packagesKnowOnlyWhatTheyMay() {
        ARROWS.forEach((room, text) -> {
            Set<String> known = new TreeSet<>(Arrays.asList((room + " " + text).trim().split(" ")));
            String[] outside = ON_JAVA_ALONE.contains(room) ? JAVA
                    : new String[] {JAVA[0], JAVA[1], "it.unimi.dsi.fastutil..", OUTSIDE.getOrDefault(room, "java..")};
            classes().that(DescribedPredicate.describe("are in " + room,
                            type -> isLibrary(type) && room(type).equals(room) && !isEntry(type)))
                    .should().onlyDependOnClassesThat(DescribedPredicate.describe("are in " + known + " or Java",
                            type -> isLibrary(type) ? known.contains(room(type)) && !isEntry(type)
                                    : JavaClass.Predicates.resideInAnyPackage(outside).test(type.getBaseComponentType())
                                            || type.getBaseComponentType().isPrimitive()))
                    .check(CLASSES);
        });
    }

    @Test
    void roomsOfPilotAttentionKnowOnlyWhatTheyMay() {
        String pilot = ROOT + ".pilot";
        Set<String> rooms = new TreeSet<>();
        CLASSES.stream().map(JavaClass::getPackageName).filter(name -> name.startsWith(pilot + "."))
                .forEach(name -> rooms.add(name.substring(pilot.length() + 1)));
        assertEquals(PILOT.keySet(), rooms);
        PILOT.forEach((room, text) -> {
            Set<String> known = new TreeSet<>();
            for (String each : (room + " " + text).trim().split(" ")) {
                known.add(pilot + "." + each);
            }
            classes().that().resideInAPackage(pilot + "." + room).should()
                    .onlyDependOnClassesThat(DescribedPredicate.describe("are in " + known + " or outside of pilot",
                            type -> !type.getBaseComponentType().getPackageName().startsWith(pilot)
                                    || known.contains(type.getBaseComponentType().getPackageName())))
                    .check(CLASSES);
        });
    }

    @Test
    void noPackagesKnowEachOther() {
        slices().assignedFrom(new SliceAssignment() {
            @Override
            public SliceIdentifier getIdentifierOf(JavaClass type) {
                return isEntry(type) ? SliceIdentifier.of("entry") : SliceIdentifier.of(type.getPackageName());
            }

            @Override
            public String getDescription() {
                return "packages";
            }
        }).should().beFreeOfCycles().check(CLASSES);
    }

    @Test
    void kernelsKnowNoThreads() {
        noClasses().that().resideInAPackage(ROOT + ".kernel..").should().dependOnClassesThat()
                .resideInAPackage("java.util.concurrent..").check(CLASSES);
    }
}
