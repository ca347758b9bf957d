package dev.kdeformer.cli.denoise;

import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.io.AtomicFile;
import java.awt.Transparency;
import java.awt.color.CMMException;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.Raster;
import java.awt.image.WritableRaster;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Locale;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageInputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * Reads and writes PNG and JPEG pictures. A file's own word about lengths and sizes is held against limits and
 * against the file before anything of that size is allocated.
 */
public final class PictureFile {
    /** The most pixels that are read. */
    static final int MOST_PIXELS = 1 << 24;

    private static final long MOST_BYTES = 1L << 28;
    private static final long SIGNATURE = 0x89504e470d0a1a0aL;
    private static final int HEADER = 0x49484452; // "IHDR"
    private static final int HEADER_LENGTH = 13;
    private static final int DATA = 0x49444154; // "IDAT"
    private static final int END = 0x49454e44; // "IEND"
    private static final int JPEG_START = 0xffd8;
    private static final float JPEG_QUALITY = 0.95f;

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
     * Reads a PNG or JPEG: grey stays grey, everything else becomes red, green and blue; depth and transparency stay.
     *
     * @param name what it is called in messages
     * @throws Failure if it is no whole picture or too large
     */
    public static Pixels read(byte[] bytes, String name) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        boolean jpeg = bytes.length > 2 && (buffer.getShort(0) & 0xffff) == JPEG_START;
        int length = jpeg ? bytes.length : check(buffer, name);
        String format = jpeg ? "JPEG" : "PNG";
        Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName(format);
        if (!readers.hasNext()) {
            throw new Failure("this Java cannot read " + format + " files");
        }
        ImageReader reader = readers.next();
        String[] warning = {""};
        reader.addIIOReadWarningListener((source, text) -> warning[0] = text);
        try {
            reader.setInput(new MemoryCacheImageInputStream(new ByteArrayInputStream(bytes, 0, length)), true, true);
            checkSize(reader.getWidth(0), reader.getHeight(0), name);
            BufferedImage image = reader.read(0);
            if (jpeg && warning[0].startsWith("Premature end")) {
                throw new Failure(name + " is a broken JPEG file: it ends too early");
            }
            return pixels(image);
        } catch (IOException | IllegalArgumentException | IndexOutOfBoundsException | NegativeArraySizeException
                | CMMException e) {
            String problem = e.getMessage() == null ? "" : ": " + e.getMessage();
            throw new Failure(name + " is a broken " + format + " file, or one of a kind that Java does not read"
                    + problem, e);
        } finally {
            reader.dispose();
        }
    }

    /**
     * Walks over the chunks, so that the reader meets no length that the file does not have.
     *
     * @return the length up to the end of the picture; what follows is not looked at
     */
    private static int check(ByteBuffer bytes, String name) {
        if (bytes.remaining() < Long.BYTES || bytes.getLong() != SIGNATURE) {
            throw new Failure(name + " is neither a PNG nor a JPEG file");
        }
        boolean ended = false;
        boolean first = true;
        long needed = 0;
        long data = 0;
        while (bytes.hasRemaining() && !ended) {
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
            ended = type == END;
            bytes.position(bytes.position() + length + Integer.BYTES);
        }
        if (first) {
            throw new Failure(name + " is a broken PNG file: it ends before its header");
        }
        if (needed > data * DEFLATED) {
            throw new Failure(name + " is a broken PNG file: its " + data + " bytes of data are too few for its size");
        }
        return bytes.position();
    }

    private static void checkSize(int width, int height, String name) {
        if (width < 1 || height < 1) {
            throw new Failure(name + " is a broken picture: its size is " + Integer.toUnsignedString(width) + " x "
                    + Integer.toUnsignedString(height));
        }
        if ((long) width * height > MOST_PIXELS) {
            throw new Failure(name + ": a picture may have at most " + MOST_PIXELS + " pixels, this one has " + width
                    + " x " + height);
        }
    }

    /** The bytes that the pixels take before they are compressed, at least. */
    private static long checkSize(ByteBuffer header, String name) {
        int width = header.getInt();
        int height = header.getInt();
        checkSize(width, height, name);
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
        int stored = direct ? raster.getNumBands() : 4;
        int bands = stored < 3 ? 1 : 3;
        int bits = direct ? image.getColorModel().getComponentSize(0) : 8;
        float most = (1 << bits) - 1;
        float[] values = new float[width * height * bands];
        float[] alpha = image.getColorModel().hasAlpha() ? new float[width * height] : null;
        int[] row = new int[width * stored];
        boolean grey = true;
        boolean opaque = true;
        for (int y = 0; y < height; y++) {
            if (direct) {
                raster.getPixels(0, y, width, 1, row);
            } else {
                unpack(image.getRGB(0, y, width, 1, null, 0, width), row);
            }
            for (int x = 0; x < width; x++) {
                int pixel = y * width + x;
                for (int c = 0; c < bands; c++) {
                    values[pixel * bands + c] = row[x * stored + c] / most;
                    grey &= values[pixel * bands + c] == values[pixel * bands];
                }
                if (alpha != null) {
                    alpha[pixel] = row[x * stored + stored - 1] / most;
                    opaque &= alpha[pixel] == 1;
                }
            }
        }
        // Grey of few bits comes with a palette.
        int channels = direct || !grey ? bands : 1;
        return new Pixels(width, height, channels, channels == bands ? values : firstChannel(values),
                new Pixels.Form(bits > 8 ? 16 : 8, opaque ? null : alpha));
    }

    private static void unpack(int[] colours, int[] row) {
        for (int x = 0; x < colours.length; x++) {
            row[4 * x] = colours[x] >> 16 & 255;
            row[4 * x + 1] = colours[x] >> 8 & 255;
            row[4 * x + 2] = colours[x] & 255;
            row[4 * x + 3] = colours[x] >>> 24;
        }
    }

    private static float[] firstChannel(float[] colours) {
        float[] grey = new float[colours.length / 3];
        for (int i = 0; i < grey.length; i++) {
            grey[i] = colours[3 * i];
        }
        return grey;
    }

    /** Whether a file of this name is written as JPEG, which knows neither transparency nor more than 8 bits. */
    private static boolean isJpeg(Path file) {
        return file.toString().toLowerCase(Locale.ROOT).matches(".*\\.jpe?g");
    }

    /**
     * Writes a picture as PNG of as many bits and as transparent as it was read, or as JPEG if the file's name ends so;
     * values outside 0 to 1 are clipped.
     *
     * @throws IOException if the file cannot be written
     */
    public static void write(Path file, Pixels pixels) throws IOException {
        boolean jpeg = isJpeg(file);
        BufferedImage image = image(pixels, jpeg ? new Pixels.Form(8, null) : pixels.form());
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageWriter writer = ImageIO.getImageWritersByFormatName(jpeg ? "JPEG" : "PNG").next();
        try (MemoryCacheImageOutputStream stream = new MemoryCacheImageOutputStream(bytes)) {
            writer.setOutput(stream);
            ImageWriteParam param = writer.getDefaultWriteParam();
            if (jpeg) {
                param.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
                param.setCompressionQuality(JPEG_QUALITY);
            }
            writer.write(null, new IIOImage(image, null, null), param);
        } finally {
            writer.dispose();
        }
        AtomicFile.write(file, bytes::writeTo);
    }

    private static BufferedImage image(Pixels pixels, Pixels.Form form) {
        int channels = pixels.channels();
        int bands = channels + (form.alpha() == null ? 0 : 1);
        int type = form.bits() > 8 ? DataBuffer.TYPE_USHORT : DataBuffer.TYPE_BYTE;
        WritableRaster raster = Raster.createInterleavedRaster(type, pixels.width(), pixels.height(), bands, null);
        float most = (1 << form.bits()) - 1;
        int[] row = new int[pixels.width() * bands];
        for (int y = 0; y < pixels.height(); y++) {
            for (int x = 0; x < pixels.width(); x++) {
                int pixel = y * pixels.width() + x;
                for (int c = 0; c < bands; c++) {
                    float value = c < channels ? pixels.values()[pixel * channels + c] : form.alpha()[pixel];
                    row[x * bands + c] = Math.round(most * Math.min(1, Math.max(0, value)));
                }
            }
            raster.setPixels(0, y, pixels.width(), 1, row);
        }
        ColorSpace space = ColorSpace.getInstance(channels == 1 ? ColorSpace.CS_GRAY : ColorSpace.CS_sRGB);
        boolean hasAlpha = form.alpha() != null;
        return new BufferedImage(new ComponentColorModel(space, hasAlpha, false,
                hasAlpha ? Transparency.TRANSLUCENT : Transparency.OPAQUE, type), raster, false, null);
    }
}
