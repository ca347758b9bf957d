package dev.kdeformer.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.report.OutputFiles;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URISyntaxException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
    @TempDir
    private Path folder;

    @Test
    void writesAndReplaces() throws IOException {
        Path target = folder.resolve("out.txt");
        AtomicFile.write(target, text("first"));
        assertEquals("first", Files.readString(target));
        AtomicFile.write(target, text("second, longer"));
        AtomicFile.write(target, text("third"));
        assertEquals("third", Files.readString(target));
        AtomicFile.write(target, out -> { });
        assertEquals(0, Files.size(target));
        assertOnly("out.txt");
    }

    /** The number under which this process has a file open. */
    private static Path number(Path file) throws IOException {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            for (Path each : open.toList()) {
                if (Files.isSymbolicLink(each) && Files.readSymbolicLink(each).equals(file.toRealPath())) {
                    return each.getFileName();
                }
            }
        }
        throw new AssertionError(file + " is not open");
    }

    @Test
    void appendsToFilesThatAreOpen() throws IOException {
        assumeTrue(Files.isDirectory(Path.of("/proc/self/fd")));
        Path file = folder.resolve("log");
        Files.writeString(file, "before ");
        Path link = folder.resolve("link");
        try (OutputStream held = Files.newOutputStream(file, java.nio.file.StandardOpenOption.APPEND)) {
            Path number = number(file);
            AtomicFile.write(Path.of("/dev/fd").resolve(number), text("one "));
            AtomicFile.write(Path.of("/proc/self/fd").resolve(number), text("two "));
            Files.createSymbolicLink(link, Path.of("/dev/fd").resolve(number));
            AtomicFile.write(link, text("three "));
            held.write("after".getBytes(StandardCharsets.UTF_8));
            assertEquals(file.toRealPath(), OutputFiles.place(link));
        }
        assertEquals("before one two three after", Files.readString(file));
        try (java.io.InputStream held = Files.newInputStream(file)) {
            held.read();
            Path reading = Path.of("/dev/fd").resolve(number(file));
            String message = assertThrows(FileSystemException.class, () -> AtomicFile.write(reading, text("no")))
                    .getMessage();
            assertTrue(message.contains("no file is open for writing"), message);
            assertThrows(Failure.class, () -> OutputFiles.place(reading));
        }
        assertThrows(FileSystemException.class, () -> AtomicFile.write(Path.of("/dev/fd/987654"), text("no")));
        assertEquals("before one two three after", Files.readString(file));
    }

    @Test
    void writesBytesSinglyAndInBulkAndSurvivesClosing() throws IOException {
        byte[] bytes = new byte[100_000];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i * 31);
        }
        Path target = folder.resolve("out.bin");
        AtomicFile.write(target, out -> {
            try (out) {
                out.write(bytes[0]);
                out.write(bytes, 1, 20_000);
                out.flush();
                for (int i = 20_001; i < bytes.length; i++) {
                    out.write(bytes[i]);
                }
            }
        });
        assertArrayEquals(bytes, Files.readAllBytes(target));
    }

    @Test
    void aThrowingCallbackLeavesTheOldFile() throws IOException {
        Path target = Files.writeString(folder.resolve("out.txt"), "old");
        for (Throwable failure : List.of(new IOException("a"), new IllegalStateException("b"),
                new StackOverflowError())) {
            assertSame(failure, assertThrows(failure.getClass(), () -> AtomicFile.write(target, out -> {
                out.write(new byte[100_000]);
                sneak(failure);
            })));
            assertEquals("old", Files.readString(target));
            assertOnly("out.txt");
        }
        Path fresh = folder.resolve("fresh.txt");
        assertThrows(IOException.class, () -> AtomicFile.write(fresh, out -> {
            throw new IOException("no");
        }));
        assertOnly("out.txt");
    }

    private static void sneak(Throwable failure) throws IOException {
        if (failure instanceof IOException e) {
            throw e;
        }
        if (failure instanceof RuntimeException e) {
            throw e;
        }
        throw (Error) failure;
    }

    @Test
    void theOldFileIsWholeWhileTheNewOneIsWritten() throws IOException {
        Path target = Files.writeString(folder.resolve("out.txt"), "old");
        AtomicFile.write(target, out -> {
            out.write(new byte[100_000]);
            out.flush();
            assertEquals("old", Files.readString(target));
            assertEquals(2, names().size());
            assertTrue(names().stream().anyMatch(name -> name.matches("\\.kdeformer-\\d+-[0-9a-f]{16}\\.tmp")));
        });
        assertEquals(100_000, Files.size(target));
        assertOnly("out.txt");
    }

    @Test
    void anInterruptLeavesTheOldFile() throws IOException {
        Path target = Files.writeString(folder.resolve("out.txt"), "old");
        try {
            assertThrows(ClosedByInterruptException.class, () -> AtomicFile.write(target, out -> {
                out.write(new byte[100_000]);
                Thread.currentThread().interrupt();
                out.write(new byte[100_000]);
            }));
        } finally {
            assertTrue(Thread.interrupted(), "the interrupt stays visible");
        }
        assertEquals("old", Files.readString(target));
        assertOnly("out.txt");
    }

    @Test
    void saysWhyATargetCannotBeWritten() throws IOException {
        assertFailure(folder.resolve("none/out.txt"), "cannot be written: its folder does not exist");
        assertFailure(folder, "cannot be written: this is a folder");
        Path file = Files.writeString(folder.resolve("file"), "old");
        assertFailure(file.resolve("out.txt"), "cannot be written: ");
        assertOnly("file");
    }

    private static void assertFailure(Path target, String message) {
        FileSystemException e = assertThrows(FileSystemException.class, () -> AtomicFile.write(target, text("new")));
        assertTrue(e.getMessage().startsWith(target + ": " + message), e.getMessage());
    }

    @Test
    void aFolderThatVanishesIsAnError() throws IOException {
        Path gone = Files.createDirectory(folder.resolve("gone"));
        Path target = gone.resolve("out.txt");
        FileSystemException e = assertThrows(FileSystemException.class, () -> AtomicFile.write(target, out -> {
            out.write(1);
            for (String name : names(gone)) {
                Files.delete(gone.resolve(name));
            }
            Files.delete(gone);
        }));
        assertEquals(target + ": cannot be written: its folder does not exist", e.getMessage());
    }

    @Test
    void aFullDeviceIsAnError() {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.exists(full));
        FileSystemException e = assertThrows(FileSystemException.class, () -> AtomicFile.write(full, text("new")));
        assertTrue(e.getMessage().startsWith("/dev/full: cannot be written: "), e.getMessage());
    }

    @Test
    void aDeviceIsWrittenAndNotReplaced() throws IOException {
        Path sink = Path.of("/dev/null");
        assumeTrue(Files.exists(sink));
        AtomicFile.write(sink, text("new"));
        assertFalse(Files.isRegularFile(sink));
    }

    @Test
    void followsLinksAndKeepsPermissions() throws IOException {
        assumeTrue(Files.getFileStore(folder).supportsFileAttributeView("posix"));
        Path real = Files.writeString(folder.resolve("real.txt"), "old");
        Files.setPosixFilePermissions(real, PosixFilePermissions.fromString("rw-r-----"));
        Path link = Files.createSymbolicLink(folder.resolve("link.txt"), Path.of("real.txt"));
        AtomicFile.write(link, text("new"));
        assertTrue(Files.isSymbolicLink(link));
        assertEquals("new", Files.readString(real));
        assertEquals("rw-r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(real)));

        Path dangling = Files.createSymbolicLink(folder.resolve("dangling"), folder.resolve("made.txt"));
        AtomicFile.write(dangling, text("made"));
        assertEquals("made", Files.readString(folder.resolve("made.txt")));
        Path circle = Files.createSymbolicLink(folder.resolve("circle"), Path.of("circle"));
        assertFailure(circle, "cannot be written: too many symbolic links");
        assertOnly("circle", "dangling", "link.txt", "made.txt", "real.txt");
    }

    @Test
    void writersOfTheSameTargetDoNotCollide() throws Exception {
        Path target = folder.resolve("out.txt");
        int writers = 4;
        CountDownLatch together = new CountDownLatch(writers);
        ExecutorService executor = Executors.newFixedThreadPool(writers);
        try {
            List<Future<?>> results = new ArrayList<>();
            for (int i = 0; i < writers; i++) {
                String content = String.valueOf(i).repeat(50_000);
                results.add(executor.submit(() -> {
                    AtomicFile.write(target, out -> {
                        together.countDown();
                        await(together);
                        out.write(content.getBytes(StandardCharsets.US_ASCII));
                    });
                    return null;
                }));
            }
            for (Future<?> result : results) {
                result.get(1, TimeUnit.MINUTES);
            }
        } finally {
            executor.shutdownNow();
        }
        String content = Files.readString(target);
        assertEquals(content.substring(0, 1).repeat(50_000), content);
        assertOnly("out.txt");
    }

    private static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(1, TimeUnit.MINUTES));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    @Timeout(60)
    void aTerminatedProcessLeavesTheOldFileAndNothingElse() throws Exception {
        Path target = Files.writeString(folder.resolve("out.txt"), "old");
        String classPath = location(AtomicFile.class) + File.pathSeparator + location(AtomicFileTest.class);
        Process process = new ProcessBuilder(ProcessHandle.current().info().command().orElseThrow(), "-cp", classPath,
                SlowWriter.class.getName(), target.toString()).redirectErrorStream(true).start();
        try {
            assumeTrue(process.supportsNormalTermination());
            assertEquals('!', process.getInputStream().read(), "the process has begun to write");
            assertEquals(2, names().size());
            process.destroy();
            assertTrue(process.waitFor(30, TimeUnit.SECONDS));
        } finally {
            process.destroyForcibly();
        }
        assertEquals("old", Files.readString(target));
        assertOnly("out.txt");
    }

    private static Path location(Class<?> type) throws URISyntaxException {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    }

    /** Begins to write a file, says so, and waits to be terminated. */
    static final class SlowWriter {
        private SlowWriter() {
        }

        public static void main(String[] arguments) throws IOException {
            AtomicFile.write(Path.of(arguments[0]), out -> {
                out.write(new byte[100_000]);
                System.out.print('!');
                System.out.flush();
                try {
                    Thread.sleep(60_000);
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            });
        }
    }

    private static AtomicFile.Content text(String text) {
        return (OutputStream out) -> out.write(text.getBytes(StandardCharsets.UTF_8));
    }

    private void assertOnly(String... expected) throws IOException {
        assertEquals(List.of(expected), names());
    }

    private List<String> names() throws IOException {
        return names(folder);
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }
}
