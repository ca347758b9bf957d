package dev.kdeformer.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.kdeformer.cli.Outcome;
import dev.kdeformer.reference.ChildJvm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VectorSupportTest {
    private static final String HOTSPOT = "OpenJDK 64-Bit Server VM";
    private static final String[] TINY = {"run", "--data", "minilm-512.layer2", "--n", "16", "--method", "exact",
        "--repeat", "1", "--warm-up", "0", "--certificate", "0", "--threads", "1"};

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "OpenJDK 64-Bit Server VM | interpreted mode, sharing | UseFMA | true | only interprets",
        "Eclipse OpenJ9 VM | | UseFMA | true | OpenJ9",
        "OpenJDK 64-Bit Server VM | mixed mode, emulated-client, sharing | UseFMA | true | without its optimising",
        "OpenJDK 64-Bit Server VM | mixed mode, sharing | UseFMA | false | no fused multiply-add",
        "OpenJDK 64-Bit Server VM | mixed mode, sharing | UseJVMCICompiler | true | Graal"})
    void namesTheCause(String vm, String info, String option, String value, String words) {
        String problem = VectorSupport.problem(vm, info, name -> name.equals(option) ? value : null).orElseThrow();
        assertTrue(problem.contains(words), problem);
    }

    @Test
    void isSilentWhereAllIsWell() {
        assertEquals(Optional.empty(), VectorSupport.problem(HOTSPOT, "mixed mode, sharing", name -> "UseFMA"
                .equals(name) ? "true" : null));
        Outcome.of(TINY).succeeds();
    }

    @Test
    void theCommandLineSaysItInOneLine() throws Exception {
        ChildJvm.Result result = ChildJvm.start(folder, List.of(ChildJvm.MODULE, "-XX:-UseFMA",
                "-XX:TieredStopAtLevel=4", "--enable-native-access=ALL-UNNAMED"), "dev.kdeformer.cli.Main", TINY).end();
        assertEquals(0, result.code(), result.err());
        assertEquals(1, result.err().lines().count(), result.err());
        assertTrue(result.err().startsWith("kdebench run: ") && result.err().contains("multiply-add"), result.err());
    }

    @Test
    void deniedNativeAccessIsOneSentence() throws Exception {
        assumeTrue(Runtime.version().feature() >= 24, "older Javas only warn");
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                ChildJvm.MODULE, "--illegal-native-access=deny", "-cp", System.getProperty("java.class.path"),
                "dev.kdeformer.cli.Main", "run", "--data", "minilm-512.layer2", "--n", "16")
                .redirectError(folder.resolve("err").toFile()).start();
        assertEquals(1, process.waitFor());
        assertEquals(List.of("kdebench run: " + NativeAccess.DENIED), Files.readAllLines(folder.resolve("err")).stream()
                .filter(line -> !line.startsWith("WARNING:")).toList());
    }
}
