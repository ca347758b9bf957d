package dev.kdeformer.cli.console;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The memory that this process holds and has held at most, native memory included, as Linux counts it. */
public final class NativeMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path CLEAR = Path.of("/proc/self/clear_refs");
    /** Has Linux count the peak anew. */
    private static final String RESET_PEAK = "5";

    private NativeMemory() {
    }

    /** Begins to count anew, where the system can. */
    public static void reset() {
        System.gc();
        if (Files.isWritable(CLEAR)) {
            try {
                Files.writeString(CLEAR, RESET_PEAK);
            } catch (IOException e) {
                // the peak since the process began is still an upper bound
            }
        }
    }

    /** Bytes at the peak since the last reset; NaN where the system does not tell. */
    public static double peak() {
        return status("VmHWM:");
    }

    /** Bytes at present; NaN where the system does not tell. */
    public static double held() {
        return status("VmRSS:");
    }

    /** Bytes that this process holds at most while something runs, beyond those before; NaN where nothing tells. */
    public static double growth(Runnable work) {
        boolean tells = Files.isWritable(CLEAR);
        reset();
        double before = held();
        work.run();
        return tells ? Math.max(0, peak() - before) : Double.NaN;
    }

    private static double status(String name) {
        if (!Files.isReadable(STATUS)) {
            return Double.NaN;
        }
        try (Stream<String> lines = Files.lines(STATUS)) {
            return lines.filter(line -> line.startsWith(name)).findFirst()
                    .map(line -> 1024 * Double.parseDouble(line.replaceAll("\\D", ""))).orElse(Double.NaN);
        } catch (IOException e) {
            return Double.NaN;
        }
    }
}
