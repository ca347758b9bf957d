package dev.kdeformer.runtime;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Files that this process was given open and that are named by their number, as in {@code 3>> log}: {@code /dev/fd/3},
 * {@code /proc/self/fd/3}, or a link to such a name, like {@code /dev/stderr}. Linux alone.
 */
public final class OpenFile {
    private static final int MOST_LINKS = 40;
    private static final Pattern FOLDER = Pattern.compile("/proc/\\d+/(task/\\d+/)?fd");

    private OpenFile() {
    }

    /** The name in the folder of open files that a name leads to; empty where it leads elsewhere. */
    public static Optional<Path> find(Path name) {
        Path place = name.toAbsolutePath();
        for (int links = 0; links < MOST_LINKS; links++) {
            try {
                Path folder = place.getParent() == null ? null : place.getParent().toRealPath();
                if (folder != null && FOLDER.matcher(folder.toString()).matches()) {
                    return Optional.of(folder.resolve(place.getFileName()));
                }
                if (!Files.isSymbolicLink(place)) {
                    return Optional.empty();
                }
                place = place.resolveSibling(Files.readSymbolicLink(place));
            } catch (IOException e) {
                return Optional.empty(); // no such folder
            }
        }
        return Optional.empty();
    }

    /** Whether the file was opened to be written; of this process's other files none is. */
    public static boolean isWritable(Path openFile) {
        try {
            Path info = openFile.getParent().resolveSibling("fdinfo").resolve(openFile.getFileName());
            return Files.readAllLines(info).stream().filter(line -> line.startsWith("flags:"))
                    .anyMatch(line -> (Integer.parseInt(line.substring(line.length() - 1), 8) & 3) != 0);
        } catch (IOException e) {
            return false; // there is no such number
        }
    }
}
