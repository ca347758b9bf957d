package dev.kdeformer.cli.denoise;

import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.io.AtomicFile;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.MemoryCacheImageInputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * Reads and writes PNG pictures. A file's own word about lengths and sizes is held against limits and against the
 * file before anything of that size is allocated.
 */
public final class PictureFile {
    /** The most pixels that are read. */
    static final int MOST_PIXELS = 1 << 24;

    private static final long MOST_BYTES = 1L << 28;
    private static final long SIGNATURE = 0x89504e470d0a1a0aL;
    private static final int HEADER = 0x49484452; // "IHDR"
    private static final int HEADER_LENGTH = 13;
    private static final int DATA = 0x49444154; // "IDAT"

    /** Samples of a pixel by colour type; 0 for types that there are not. */
    private static final int[] SAMPLES = {1, 0, 3, 1, 2, 0, 4};

    /** What a byte of deflated data can become at most. */
    private static final long DEFLATED = 1032;

    private PictureFile() {
    }

    /**
     * Reads a file.
     *
     * @throws Failure     if it is no whole PNG or too large
     * @throws IOException if it cannot be read
     */
    public static Pixels read(Path file) throws IOException {
        if (Files.isDirectory(file)) {
            throw new Failure(file + ": this is a folder");
        }
        long size = Files.size(file);
        if (size > MOST_BYTES) {
            throw new Failure(file + ": a picture may have at most " + Sentences.bytes(MOST_BYTES) + ", this file has "
                    + Sentences.bytes(size));
        }
        return read(Files.readAllBytes(file), file.toString());
    }

    /**
     * Reads a PNG: grey stays grey, everything else becomes red, green and blue; transparency is ignored.
     *
     * @param name what it is called in messages
     * @throws Failure if it is no whole PNG or too large
     */
    public static Pixels read(byte[] bytes, String name) {
        check(ByteBuffer.wrap(bytes), name);
        Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName("png");
        if (!readers.hasNext()) {
            throw new Failure("this Java cannot read PNG files");
        }
        ImageReader reader = readers.next();
        try {
            reader.setInput(new MemoryCacheImageInputStream(new ByteArrayInputStream(bytes)), true, true);
            return pixels(reader.read(0));
        } catch (IOException | IllegalArgumentException | IndexOutOfBoundsException e) {
            String problem = e.getMessage() == null ? "" : ": " + e.getMessage();
            throw new Failure(name + " is a broken PNG file" + problem, e);
        } finally {
            reader.dispose();
        }
    }

    /** Walks over the chunks, so that the reader meets no length that the file does not have. */
    private static void check(ByteBuffer bytes, String name) {
        if (bytes.remaining() < Long.BYTES || bytes.getLong() != SIGNATURE) {
            throw new Failure(name + " is not a PNG file");
        }
        boolean first = true;
        long needed = 0;
        long data = 0;
        while (bytes.hasRemaining()) {
            if (bytes.remaining() < 3 * Integer.BYTES) {
                throw new Failure(name + " is a broken PNG file: it ends within a chunk");
            }
            int length = bytes.getInt();
            int type = bytes.getInt();
            if (length < 0 || length > bytes.remaining() - Integer.BYTES) {
                throw new Failure(name + " is a broken PNG file: a chunk of " + Integer.toUnsignedString(length)
                        + " bytes does not fit in it");
            }
            if (first) {
                if (type != HEADER || length != HEADER_LENGTH) {
                    throw new Failure(name + " is a broken PNG file: it does not begin with a header");
                }
                needed = checkSize(bytes.slice(bytes.position(), HEADER_LENGTH), name);
                first = false;
            }
            data += type == DATA ? length : 0;
            bytes.position(bytes.position() + length + Integer.BYTES);
        }
        if (first) {
            throw new Failure(name + " is a broken PNG file: it ends before its header");
        }
        if (needed > data * DEFLATED) {
            throw new Failure(name + " is a broken PNG file: its " + data + " bytes of data are too few for its size");
        }
    }

    /** The bytes that the pixels take before they are compressed, at least. */
    private static long checkSize(ByteBuffer header, String name) {
        int width = header.getInt();
        int height = header.getInt();
        if (width < 1 || height < 1) {
            throw new Failure(name + " is a broken PNG file: its size is " + Integer.toUnsignedString(width) + " x "
                    + Integer.toUnsignedString(height));
        }
        if ((long) width * height > MOST_PIXELS) {
            throw new Failure(name + ": a picture may have at most " + MOST_PIXELS + " pixels, this one has " + width
                    + " x " + height);
        }
        int bits = header.get();
        int type = header.get();
        if (bits < 1 || bits > 16 || type < 0 || type >= SAMPLES.length || SAMPLES[type] == 0) {
            throw new Failure(name + " is a broken PNG file: there is no colour type " + type + " of " + bits
                    + " bits");
        }
        return (long) width * height * SAMPLES[type] * bits / Byte.SIZE;
    }

    private static Pixels pixels(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        Raster raster = image.getRaster();
        // The raster holds the stored values; getRGB would take grey for linear light and change it.
        boolean direct = image.getColorModel() instanceof ComponentColorModel;
        int bands = direct ? (raster.getNumBands() < 3 ? 1 : 3) : 3;
        float most = direct ? (1 << image.getColorModel().getComponentSize(0)) - 1 : 255;
        float[] values = new float[width * height * bands];
        int[] row = new int[width * Math.max(raster.getNumBands(), 1)];
        boolean grey = true;
        for (int y = 0; y < height; y++) {
            if (direct) {
                raster.getPixels(0, y, width, 1, row);
            } else {
                image.getRGB(0, y, width, 1, row, 0, width);
            }
            for (int x = 0; x < width; x++) {
                for (int c = 0; c < bands; c++) {
                    int value = direct ? row[x * raster.getNumBands() + c] : row[x] >> (16 - 8 * c) & 255;
                    values[(y * width + x) * bands + c] = value / most;
                    grey &= c == 0 || value / most == values[(y * width + x) * bands];
                }
            }
        }
        Pixels pixels = new Pixels(width, height, bands, values);
        // Grey of few bits comes with a palette.
        return !direct && grey ? firstChannel(pixels) : pixels;
    }

    private static Pixels firstChannel(Pixels pixels) {
        float[] values = new float[pixels.count()];
        for (int i = 0; i < values.length; i++) {
            values[i] = pixels.values()[i * pixels.channels()];
        }
        return new Pixels(pixels.width(), pixels.height(), 1, values);
    }

    /**
     * Writes a picture as PNG of 8 bits; values outside 0 to 1 are clipped.
     *
     * @throws IOException if the file cannot be written
     */
    public static void write(Path file, Pixels pixels) throws IOException {
        BufferedImage image = new BufferedImage(pixels.width(), pixels.height(),
                pixels.channels() == 1 ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_INT_RGB);
        int[] row = new int[pixels.width() * pixels.channels()];
        for (int y = 0; y < pixels.height(); y++) {
            for (int i = 0; i < row.length; i++) {
                row[i] = Math.round(255 * Math.min(1, Math.max(0, pixels.values()[y * row.length + i])));
            }
            image.getRaster().setPixels(0, y, pixels.width(), 1, row);
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (MemoryCacheImageOutputStream stream = new MemoryCacheImageOutputStream(bytes)) {
            ImageIO.write(image, "png", stream);
        }
        AtomicFile.write(file, bytes::writeTo);
    }
}
