package dev.kdeformer.cli.console;

import dev.kdeformer.io.AtomicFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;

/** Standard input and output where they take the place of files. */
public final class StandardStreams {
    /** What stands for standard input or output in place of a file's name. */
    public static final String NAME = "-";

    private static final Set<String> INPUTS = Set.of(NAME, "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0");
    private static final Set<String> OUTPUTS = Set.of(NAME, "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1");

    private StandardStreams() {
    }

    /** Whether a file's name stands for standard output. The system's own names for it do not replace a file. */
    public static boolean isOutput(String file) {
        return OUTPUTS.contains(file);
    }

    /** Whether a file's name stands for standard input. */
    public static boolean isInput(String file) {
        return INPUTS.contains(file);
    }

    /**
     * Writes bytes to standard output.
     *
     * @throws IOException if the content cannot be made, or standard output is closed or full
     */
    public static void write(AtomicFile.Content content) throws IOException {
        PrintStream out = System.out;
        content.writeTo(new OutputStream() {
            @Override
            public void write(int value) {
                out.write(value);
            }

            @Override
            public void write(byte[] bytes, int from, int length) throws IOException {
                out.write(bytes, from, length);
                if (out.checkError()) {
                    throw new IOException("standard output cannot be written");
                }
            }
        });
        if (out.checkError()) {
            throw new IOException("standard output cannot be written");
        }
    }

    /**
     * A regular file with the content of a file, pipe or standard input, for readers that go back and forth: the file
     * itself, or else a copy among the temporary files that is deleted at the end of the process.
     *
     * @throws IOException if the content cannot be read or copied
     */
    public static Path regular(Path file) throws IOException {
        boolean standard = isInput(file.toString());
        if (!standard && (!Files.exists(file) || Files.isRegularFile(file) || Files.isDirectory(file))) {
            return file;
        }
        Path copy = Files.createTempFile("kdebench-", ".input");
        copy.toFile().deleteOnExit();
        try (InputStream in = standard ? System.in : Files.newInputStream(file);
                OutputStream out = Files.newOutputStream(copy)) {
            in.transferTo(out);
        }
        return copy;
    }
}
