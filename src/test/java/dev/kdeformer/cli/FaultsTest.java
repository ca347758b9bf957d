package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.kdeformer.reference.ChildJvm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the command line leaves behind where the system fails it or ends it: one sentence and exit code 1, the old
 * output file or the new one, and no temporary file.
 */
@DisabledOnOs(OS.WINDOWS)
class FaultsTest {
    private static final Path FULL = Path.of("/dev/full");
    private static final int SIGNALS = 8;
    private static final byte[] OLD = "the output of an earlier run".getBytes();

    @TempDir
    private Path folder;
    private Path results;
    private Path out;

    @BeforeEach
    void makeFolders() throws IOException {
        results = Files.createDirectory(folder.resolve("results"));
        out = results.resolve("out.npy");
    }

    private static String[] command(String... more) {
        List<String> all = new ArrayList<>(List.of("--warm-up", "0"));
        all.addAll(Arrays.asList(more));
        return commandOn("minilm-512.layer2", all.toArray(String[]::new));
    }

    private static String[] commandOn(String data, String... more) {
        List<String> all = new ArrayList<>(List.of("run", "--data", data, "--method", "exact",
                "--threads", "2", "--repeat", "1", "--certificate", "0"));
        all.addAll(Arrays.asList(more));
        return all.toArray(String[]::new);
    }

    private ChildJvm.Running start(List<String> options, String... args) throws IOException {
        List<String> all = new ArrayList<>(List.of(ChildJvm.MODULE, "-Djava.awt.headless=true"));
        all.addAll(options);
        return ChildJvm.start(folder, all, Main.class.getName(), args);
    }

    private static void failsInOneSentence(ChildJvm.Result result, String words) {
        assertEquals(1, result.err().lines().count(), result.err());
        assertTrue(result.err().startsWith("kdebench") && result.err().contains(words), result.err());
        assertEquals(1, result.code(), result.err());
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(results)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void aFullDisk() throws Exception {
        assumeTrue(Files.isWritable(FULL), "there is no /dev/full");
        for (String option : List.of("--out", "--json", "--csv", "--markdown")) {
            Outcome.of(command(option, FULL.toString())).failsFor("No space left");
        }
        ProcessBuilder shell = new ProcessBuilder("sh", "-c", "exec \"$@\" > /dev/full", "sh",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), ChildJvm.MODULE,
                "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
                Main.class.getName(), "methods");
        shell.redirectError(folder.resolve("err").toFile());
        Process process = shell.start();
        assertTrue(process.waitFor(120, TimeUnit.SECONDS));
        String error = Files.readString(folder.resolve("err"));
        assertTrue(error.contains("standard output cannot be written"), error);
        assertEquals(1, process.exitValue());
    }

    @Test
    void aFolderThatVanishesDuringTheRun() throws Exception {
        Files.write(out, OLD);
        ChildJvm.Running running = start(List.of(), commandOn("minilm-512.layer2", "--warm-up", "3", "--out",
                out.toString()));
        TimeUnit.MILLISECONDS.sleep(1500); // whenever it comes: the folder is looked at before and after the work
        Files.delete(out);
        Files.delete(results);
        failsInOneSentence(running.end(), "its folder does not exist");
        assertTrue(Files.notExists(results));
    }

    @Test
    void tooLittleMemory() throws Exception {
        Files.write(out, OLD);
        failsInOneSentence(start(List.of("-Xmx8m"), commandOn("glove-16384", "--warm-up", "0",
                "--out", out.toString())).end(),
                "not enough memory");
        assertArrayEquals(OLD, Files.readAllBytes(out));
        assertEquals(List.of("out.npy"), files());
    }

    @Test
    void littleDirectMemory() throws Exception {
        // Arenas are not bound by this limit; reading and writing files must not be either.
        ChildJvm.Result result = start(List.of("-XX:MaxDirectMemorySize=1"), command("--out", out.toString())).end();
        if (result.code() == 0) {
            assertEquals("", result.err());
            assertEquals(List.of("out.npy"), files());
        } else {
            failsInOneSentence(result, "memory");
            assertEquals(List.of(), files());
        }
    }

    @Test
    void signalsAtRandomMoments() throws Exception {
        ChildJvm.Result whole = start(List.of(), command("--out", out.toString())).end();
        assertEquals(0, whole.code(), whole.err());
        byte[] complete = Files.readAllBytes(out);
        SplittableRandom random = new SplittableRandom(4);
        int unfinished = 0;
        int replaced = 0;
        for (int i = 0; i < SIGNALS; i++) {
            Files.write(out, OLD);
            ChildJvm.Running running = start(List.of(), command("--out", out.toString()));
            long wait = 50 + random.nextInt(2000);
            String signal = random.nextBoolean() ? "INT" : "TERM";
            if (!running.process().waitFor(wait, TimeUnit.MILLISECONDS)) {
                new ProcessBuilder("kill", "-" + signal, String.valueOf(running.process().pid())).start().waitFor();
            }
            ChildJvm.Result result = running.end();
            byte[] found = Files.readAllBytes(out);
            if (!Arrays.equals(OLD, found)) {
                assertArrayEquals(complete, found, "after SIG" + signal + " at " + wait + " ms");
                replaced++;
            } else {
                assertTrue(result.code() != 0, "ended well without writing");
            }
            unfinished += result.code() != 0 ? 1 : 0;
            assertEquals(List.of("out.npy"), files(), "after SIG" + signal + " at " + wait + " ms");
        }
        System.out.println("FaultsTest: " + SIGNALS + " signals, " + unfinished + " runs ended by them, " + replaced
                + " outputs replaced");
    }
}
