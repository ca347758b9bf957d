package dev.kdeformer.reference;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A second Java process on this one's class path, for what cannot be tried in the process of the tests. */
public final class ChildJvm {
    /** The option without which no kernel runs. */
    public static final String MODULE = "--add-modules=jdk.incubator.vector";

    private static final long PATIENCE_SECONDS = 300;

    private ChildJvm() {
    }

    /**
     * What a process left behind; {@code err} without the line that Java prints about incubator modules and those
     * that say why such a process is slow.
     */
    public record Result(int code, String out, String err) {
    }

    /** A running process whose output goes to files. */
    public record Running(Process process, Path out, Path err) {
        /** Waits for the end. */
        public Result end() throws IOException, InterruptedException {
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                throw new AssertionError("the process did not end: " + Files.readString(err));
            }
            String errors = Files.readString(err, StandardCharsets.UTF_8).lines()
                    .filter(line -> !line.startsWith("WARNING: Using incubator modules")
                            && !line.contains("without its optimising compiler C2")
                            && !line.contains(" dev.kdeformer.Engine "))
                    .reduce("", (text, line) -> text + line + "\n");
            return new Result(process.exitValue(), Files.readString(out, StandardCharsets.UTF_8), errors);
        }
    }

    /**
     * Starts a class.
     *
     * @param folder  receives the files {@code out} and {@code err}
     * @param options of the virtual machine
     */
    public static Running start(Path folder, List<String> options, String main, String... args) throws IOException {
        List<String> command = command("ALL-UNNAMED", "-cp", System.getProperty("java.class.path"), options);
        command.add(main);
        command.addAll(List.of(args));
        return start(folder, command);
    }

    /**
     * Starts the main class of a module that uses this library as a module.
     *
     * @param main module/class
     */
    public static Running onModulePath(Path folder, String modulePath, String main) throws IOException {
        List<String> command = command("dev.kdeformer", "-p", modulePath, List.of());
        command.addAll(List.of("-m", main));
        return start(folder, command);
    }

    private static List<String> command(String nativeAccess, String pathOption, String path, List<String> options) {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java")
                .toString(), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto",
                "--enable-native-access=" + nativeAccess, pathOption, path));
        command.addAll(options);
        return command;
    }

    private static Running start(Path folder, List<String> command) throws IOException {
        Path out = folder.resolve("out");
        Path err = folder.resolve("err");
        Process process = new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile()).start();
        process.getOutputStream().close();
        return new Running(process, out, err);
    }
}
