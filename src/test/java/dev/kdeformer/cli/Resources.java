package dev.kdeformer.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * What this process holds, as Linux tells it.
 *
 * @param resident memory in KiB
 * @param threads  of the virtual machine and of Java
 * @param engines  threads of engines among them
 * @param files    open files and sockets
 */
record Resources(long resident, int threads, int engines, int files) {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path FILES = Path.of("/proc/self/fd");

    /** Whether this system tells. */
    static boolean areKnown() {
        return Files.isReadable(STATUS) && Files.isDirectory(FILES);
    }

    /** The resources of this moment, after a collection of garbage. */
    static Resources now() throws IOException {
        System.gc();
        long resident = 0;
        int threads = 0;
        for (String line : Files.readAllLines(STATUS)) {
            if (line.startsWith("VmRSS:")) {
                resident = Long.parseLong(line.replaceAll("\\D", ""));
            } else if (line.startsWith("Threads:")) {
                threads = Integer.parseInt(line.replaceAll("\\D", ""));
            }
        }
        int engines = (int) Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("kdeformer-")).count();
        try (Stream<Path> files = Files.list(FILES)) {
            return new Resources(resident, threads, engines, (int) files.count());
        }
    }

    /** The least of each over some moments. */
    static Resources least(List<Resources> moments) {
        return moments.stream().reduce((a, b) -> new Resources(Math.min(a.resident, b.resident),
                Math.min(a.threads, b.threads), Math.min(a.engines, b.engines), Math.min(a.files, b.files)))
                .orElseThrow();
    }

    @Override
    public String toString() {
        return resident / 1024 + " MiB resident, " + threads + " threads, " + engines + " of them of engines, " + files
                + " files";
    }
}
