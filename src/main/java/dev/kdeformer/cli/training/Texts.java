package dev.kdeformer.cli.training;

import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.train.Text;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.GZIPInputStream;

/**
 * Text from files, or the embedded one, in a part to train on and a part that is held out.
 *
 * @param train   what is trained on
 * @param heldOut what is not
 * @param about   where it comes from, in words
 * @param mark    a checksum, by which a resumed run tells that it has the same text
 */
public record Texts(Text train, Text heldOut, String about, String mark) {
    private static final int LONGEST = 1_500_000_000;
    private static final String TRAIN = "sqlite-train.txt.gz";
    private static final String HELD_OUT = "heldout.txt.gz";

    /** The embedded text: SQLite's documentation to train on, other documents to judge on. */
    public static Texts embedded() {
        byte[] train = resource(TRAIN);
        return new Texts(new Text(train), embeddedHeldOut(), "documentation of SQLite (embedded)", mark(train));
    }

    /** The embedded text that no embedded model was trained on. */
    public static Text embeddedHeldOut() {
        return new Text(resource(HELD_OUT));
    }

    /**
     * Text of files, and what is held out.
     *
     * @param heldOut the part of the bytes, at their end, as a number between 0 and 1; or a file of its own
     * @throws UsageError  if the part to train on or the part to hold out would have fewer than two bytes
     * @throws IOException if a file cannot be read
     */
    public static Texts of(List<Path> files, String heldOut) throws IOException {
        byte[] all = read(files);
        double fraction;
        try {
            fraction = Double.parseDouble(heldOut);
        } catch (NumberFormatException e) {
            byte[] other = read(List.of(Path.of(heldOut)));
            if (all.length < 2 || other.length < 2) {
                throw new UsageError("--text and --held-out must have at least 2 bytes, got " + all.length + " and "
                        + other.length);
            }
            return new Texts(new Text(all), new Text(other), names(files), mark(all));
        }
        if (!(fraction > 0 && fraction < 1)) {
            throw new UsageError("--held-out must be between 0 and 1, or a file, got " + heldOut);
        }
        int cut = (int) (all.length * (1 - fraction));
        if (cut < 2 || all.length - cut < 2) {
            throw new UsageError("--text must have at least 2 bytes to train on and 2 to hold out, got " + all.length
                    + " bytes");
        }
        byte[] train = Arrays.copyOf(all, cut);
        return new Texts(new Text(train), new Text(Arrays.copyOfRange(all, cut, all.length)), names(files),
                mark(train));
    }

    /**
     * The bytes of files one after the other; those whose names end in .gz are unpacked.
     *
     * @throws IOException if a file cannot be read
     */
    private static byte[] read(List<Path> files) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (Path file : files) {
            if (Files.isDirectory(file)) {
                throw new Failure(file + ": this is a folder; a text is a file");
            }
            try (InputStream in = Files.newInputStream(file);
                    InputStream plain = file.toString().endsWith(".gz") ? new GZIPInputStream(in, 1 << 16) : in) {
                byte[] chunk = new byte[1 << 16];
                for (int count = plain.read(chunk); count >= 0; count = plain.read(chunk)) {
                    if ((long) all.size() + count > LONGEST) {
                        throw new Failure(file + ": the text has more than " + LONGEST + " bytes");
                    }
                    all.write(chunk, 0, count);
                }
            }
        }
        return all.toByteArray();
    }

    /**
     * All bytes of files.
     *
     * @throws UsageError  if there are fewer than two
     * @throws IOException if a file cannot be read
     */
    public static Text whole(List<Path> files) throws IOException {
        byte[] bytes = read(files);
        if (bytes.length < 2) {
            throw new UsageError("--text must have at least 2 bytes, got " + bytes.length);
        }
        return new Text(bytes);
    }

    /** Files in words. */
    public static String names(List<Path> files) {
        return String.join(", ", files.stream().map(file -> file.getFileName().toString()).toList());
    }

    private static byte[] resource(String name) {
        try (InputStream in = Texts.class.getResourceAsStream(name);
                GZIPInputStream plain = new GZIPInputStream(in, 1 << 16)) {
            return plain.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException("embedded text " + name, e);
        }
    }

    private static String mark(byte[] bytes) {
        CRC32 sum = new CRC32();
        sum.update(bytes);
        return Long.toHexString(sum.getValue()) + "-" + bytes.length;
    }
}
