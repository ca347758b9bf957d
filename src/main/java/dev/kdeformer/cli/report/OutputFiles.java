package dev.kdeformer.cli.report;

import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.StandardStreams;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.io.AtomicFile;
import dev.kdeformer.runtime.OpenFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * The files that a command is going to write. That they can be written is found out before hours of work and not after
 * them; that no two options name the same one, too.
 */
public final class OutputFiles {
    private static final int MOST_LINKS = 40;
    private static final Path MOUNTS = Path.of("/proc/self/mountinfo");
    /** The bit of a folder's mode that leaves its files to their owners. */
    private static final int STICKY = 01000;

    /** Where each option's file really is; null is standard output. */
    private final Map<String, Path> places = new LinkedHashMap<>();

    /** Puts content into a file; AtomicFile does, or whatever writes through it. */
    public interface Writer {
        /**
         * Writes the file.
         *
         * @throws IOException if it cannot be written
         */
        void write(Path file) throws IOException;
    }

    /**
     * Looks at a file.
     *
     * @param file its name, "-" for standard output, or null for none
     * @throws UsageError if another option names the same file
     * @throws Failure    if it could not be written in the end
     */
    public void add(String option, String file) {
        if (file == null) {
            return;
        }
        Path place = StandardStreams.isOutput(file) ? null : place(path(option, file));
        places.forEach((other, taken) -> {
            if (Objects.equals(taken, place)) {
                throw new UsageError(other + " and " + option + (place == null ? " both go to standard output"
                        : " name the same file, " + file));
            }
        });
        places.put(option, place);
    }

    /** Looks at a file as above. */
    public void add(String option, Path file) {
        add(option, file == null ? null : file.toString());
    }

    /** Whether an option's file is standard output. */
    public boolean takesStandardOutput() {
        return places.containsValue(null);
    }

    /** Writes a text into a file or to standard output. */
    static void write(String file, String text, PrintWriter out) throws IOException {
        if (StandardStreams.isOutput(file)) {
            out.print(text);
        } else {
            AtomicFile.write(path("output", file), stream -> stream.write(text.getBytes(
                    java.nio.charset.StandardCharsets.UTF_8)));
        }
    }

    /**
     * Writes a file, or the same bytes to standard output.
     *
     * @throws IOException if that fails; a file is then what it was
     */
    public static void write(Path file, Writer writer) throws IOException {
        if (!StandardStreams.isOutput(file.toString())) {
            writer.write(file);
            return;
        }
        Path folder = Files.createTempDirectory("kdebench-");
        Path whole = folder.resolve("output");
        try {
            writer.write(whole);
            StandardStreams.write(out -> Files.copy(whole, out));
        } finally {
            Files.deleteIfExists(whole);
            Files.deleteIfExists(folder);
        }
    }

    /**
     * Looks at a file by itself.
     *
     * @return where it really is, links followed
     * @throws Failure if it could not be written
     */
    public static Path place(Path file) {
        Optional<Path> open = OpenFile.find(file);
        if (open.isPresent()) {
            return openPlace(file, open.get());
        }
        Path place = file.toAbsolutePath();
        for (int links = 0; Files.isSymbolicLink(place); links++) {
            if (links == MOST_LINKS) {
                throw cannot(file, "its symbolic link leads to no file");
            }
            try {
                place = place.resolveSibling(Files.readSymbolicLink(place));
            } catch (IOException e) {
                throw cannot(file, "its symbolic link cannot be read");
            }
        }
        Path folder = place.getParent();
        if (Files.isDirectory(place)) {
            throw cannot(file, "this is a folder");
        }
        if (folder == null || !Files.exists(folder)) {
            throw cannot(file, "its folder does not exist");
        }
        if (!Files.isDirectory(folder)) {
            throw cannot(file, folder + " is not a folder");
        }
        boolean exists = Files.exists(place);
        if (exists && !Files.isWritable(place)) {
            throw cannot(file, "no permission");
        }
        if (!exists || Files.isRegularFile(place)) {
            checkReplaceable(file, place, folder, exists);
        }
        try {
            return folder.toRealPath().resolve(place.getFileName());
        } catch (IOException e) {
            throw cannot(file, "its folder cannot be read");
        }
    }

    private static Path openPlace(Path file, Path open) {
        if (!OpenFile.isWritable(open)) {
            throw cannot(file, "no file is open for writing under this number");
        }
        try {
            return open.toRealPath();
        } catch (IOException e) {
            return open; // a pipe, or a file that was deleted
        }
    }

    /** A file is written beside its place and moved there, so that it is whole or not there: that must be possible. */
    private static void checkReplaceable(Path file, Path place, Path folder, boolean exists) {
        if (!Files.isWritable(folder)) {
            throw cannot(file, exists ? "no permission to replace it in its folder" : "no permission");
        }
        if (exists && isMountPoint(place)) {
            throw cannot(file, "it is mounted by itself and cannot be replaced; mount a folder and name a file in it");
        }
        if (exists && belongsToOthers(place, folder)) {
            throw cannot(file, "it belongs to somebody else, and its folder leaves files to their owners");
        }
    }

    private static boolean isMountPoint(Path place) {
        try {
            String real = place.toRealPath().toString().replace("\\", "\\134").replace(" ", "\\040")
                    .replace("\t", "\\011").replace("\n", "\\012");
            return Files.isReadable(MOUNTS) && Files.readAllLines(MOUNTS).stream()
                    .map(line -> line.split(" ")).anyMatch(line -> line.length > 4 && line[4].equals(real));
        } catch (IOException e) {
            return false; // no system that has such mounts hides them
        }
    }

    private static boolean belongsToOthers(Path place, Path folder) {
        try {
            if (!place.getFileSystem().supportedFileAttributeViews().contains("unix")) {
                return false;
            }
            Object me = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
            return ((int) Files.getAttribute(folder, "unix:mode") & STICKY) != 0 && !me.equals(0)
                    && !me.equals(Files.getAttribute(place, "unix:uid", LinkOption.NOFOLLOW_LINKS))
                    && !me.equals(Files.getAttribute(folder, "unix:uid"));
        } catch (IOException e) {
            return false; // a system without /proc
        }
    }

    private static Failure cannot(Path file, String why) {
        return new Failure(file + ": cannot be written: " + why);
    }

    private static Path path(String option, String file) {
        try {
            return Path.of(file);
        } catch (InvalidPathException e) {
            throw new UsageError(option + ": not a file name: " + e.getInput());
        }
    }
}
