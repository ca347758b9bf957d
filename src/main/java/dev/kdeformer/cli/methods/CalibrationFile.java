package dev.kdeformer.cli.methods;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Calibration;
import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.StandardStreams;
import dev.kdeformer.cli.console.UsageError;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Calibrations out of files, which may hold anything. */
public final class CalibrationFile {
    /** More than the heads that a calibration may have take. */
    private static final int LARGEST = 8 << 20;

    private CalibrationFile() {
    }

    /**
     * Reads a calibration.
     *
     * @param file a file or pipe, or {@code -} for standard input
     * @throws Failure if it cannot be read, is too large or is no calibration
     */
    public static Calibration read(Path file) {
        boolean standard = StandardStreams.isInput(file.toString());
        String name = standard ? "standard input" : file.toString();
        try (InputStream in = standard ? System.in : open(file)) {
            return parse(in.readNBytes(LARGEST + 1), name);
        } catch (IOException e) {
            throw new Failure(Sentences.of(e), e);
        }
    }

    private static InputStream open(Path file) throws IOException {
        if (Files.isDirectory(file)) {
            throw new Failure(file + ": this is a folder");
        }
        if (Files.isRegularFile(file)) {
            requireSmall(Files.size(file), file.toString());
        }
        return Files.newInputStream(file);
    }

    /**
     * The calibration of a file's bytes.
     *
     * @param name of the file, for messages
     * @throws Failure if they are no calibration
     */
    public static Calibration parse(byte[] bytes, String name) {
        requireSmall(bytes.length, name);
        try {
            return Calibration.parse(new String(bytes, StandardCharsets.UTF_8));
        } catch (IllegalArgumentException e) {
            throw new Failure(name + ": " + e.getMessage(), e);
        }
    }

    private static void requireSmall(long bytes, String name) {
        if (bytes > LARGEST) {
            throw new Failure(name + " is too large: a calibration has at most " + LARGEST + " bytes");
        }
    }

    /**
     * Refuses an input that a calibration is not for.
     *
     * @throws UsageError if it has another number of heads or another kind of mask
     */
    public static void requireFit(Calibration calibration, AttentionInput input) {
        int heads = calibration.efforts().size();
        if (heads != input.heads() || calibration.causal() != input.mask().isCausal()) {
            throw new UsageError("--calibration is for " + words(heads, calibration.causal()) + ", and the input has "
                    + words(input.heads(), input.mask().isCausal()));
        }
    }

    private static String words(int heads, boolean causal) {
        return Sentences.count(heads, "head") + (causal ? " with" : " without") + " a causal mask";
    }
}
