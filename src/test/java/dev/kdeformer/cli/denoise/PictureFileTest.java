package dev.kdeformer.cli.denoise;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.cli.console.Failure;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PictureFileTest {
    @TempDir
    private Path folder;

    private static Pixels ramp(int channels) {
        float[] values = new float[7 * 5 * channels];
        for (int i = 0; i < values.length; i++) {
            values[i] = (i * 31 % 256) / 255f;
        }
        return new Pixels(7, 5, channels, values);
    }

    private static byte[] png(BufferedImage image) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        assertTrue(ImageIO.write(image, "png", bytes));
        return bytes.toByteArray();
    }

    @Test
    void readsWhatItWrote() throws IOException {
        for (int channels : new int[] {1, 3}) {
            Path file = folder.resolve(channels + ".png");
            PictureFile.write(file, ramp(channels));
            Pixels read = PictureFile.read(file);
            assertEquals(channels, read.channels());
            assertArrayEquals(ramp(channels).values(), read.values());
        }
    }

    @Test
    void clipsWhatIsNoColour() throws IOException {
        Path file = folder.resolve("clip.png");
        PictureFile.write(file, new Pixels(2, 1, 1, new float[] {-0.5f, 1.5f}));
        assertArrayEquals(new float[] {0, 1}, PictureFile.read(file).values());
    }

    @Test
    void readsPalettesTransparencyAndManyBits() throws IOException {
        BufferedImage palette = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_INDEXED);
        palette.setRGB(0, 0, 0xffff0000);
        palette.setRGB(1, 0, 0xff0000ff);
        assertArrayEquals(new float[] {1, 0, 0, 0, 0, 1}, PictureFile.read(png(palette), "p").values());
        BufferedImage bits = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_BINARY);
        bits.setRGB(1, 0, 0xffffffff);
        assertArrayEquals(new float[] {0, 1}, PictureFile.read(png(bits), "b").values());
        BufferedImage alpha = new BufferedImage(1, 1, BufferedImage.TYPE_4BYTE_ABGR);
        alpha.setRGB(0, 0, 0x80ff0033);
        Pixels read = PictureFile.read(png(alpha), "a");
        assertArrayEquals(new float[] {1, 0, 0.2f}, read.values(), 1e-6f);
        assertArrayEquals(new float[] {128 / 255f}, read.form().alpha(), 1e-6f);
        BufferedImage wide = new BufferedImage(1, 1, BufferedImage.TYPE_USHORT_GRAY);
        wide.getRaster().setSample(0, 0, 0, 13107);
        assertArrayEquals(new float[] {0.2f}, PictureFile.read(png(wide), "w").values(), 1e-6f);
    }

    /** A PNG whose header says what it likes; its checksum is right. */
    private static byte[] lying(int width, int height) throws IOException {
        byte[] bytes = png(new BufferedImage(3, 3, BufferedImage.TYPE_BYTE_GRAY));
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        buffer.putInt(16, width).putInt(20, height);
        CRC32 crc = new CRC32();
        crc.update(bytes, 12, 17);
        buffer.putInt(29, (int) crc.getValue());
        return bytes;
    }

    @Test
    void refusesSizesBeforeItAllocates() throws IOException {
        for (int[] size : new int[][] {{100_000, 100_000}, {Integer.MAX_VALUE, 1}, {1, Integer.MAX_VALUE},
            {4097, 4096}}) {
            Failure failure = assertThrows(Failure.class, () -> PictureFile.read(lying(size[0], size[1]), "big"));
            assertTrue(failure.getMessage().contains("at most 16777216 pixels"), failure.getMessage());
        }
        for (int[] size : new int[][] {{0, 4}, {4, 0}, {-1, 4}, {-5, -5}}) {
            Failure failure = assertThrows(Failure.class, () -> PictureFile.read(lying(size[0], size[1]), "odd"));
            assertTrue(failure.getMessage().contains("broken"), failure.getMessage());
        }
    }

    @Test
    void refusesSizesThatTheDataCannotFill() throws IOException {
        Failure failure = assertThrows(Failure.class, () -> PictureFile.read(lying(4096, 4096), "large"));
        assertTrue(failure.getMessage().contains("too few for its size"), failure.getMessage());
        byte[] plain = png(new BufferedImage(4096, 4096, BufferedImage.TYPE_BYTE_GRAY)); // as small as data can be
        assertEquals(4096, PictureFile.read(plain, "plain").width());
        byte[] type = lying(3, 3);
        type[25] = 5;
        failure = assertThrows(Failure.class, () -> PictureFile.read(type, "type"));
        assertTrue(failure.getMessage().contains("no colour type 5 of 8 bits"), failure.getMessage());
    }

    @Test
    void refusesChunksThatTheFileDoesNotHold() throws IOException {
        byte[] bytes = png(new BufferedImage(3, 3, BufferedImage.TYPE_BYTE_GRAY));
        for (int length : new int[] {Integer.MAX_VALUE, -1, 1 << 20}) {
            byte[] bad = bytes.clone();
            ByteBuffer.wrap(bad).putInt(33, length); // of the chunk after the header
            Failure failure = assertThrows(Failure.class, () -> PictureFile.read(bad, "chunk"));
            assertTrue(failure.getMessage().contains("does not fit"), failure.getMessage());
        }
    }

    @Test
    void brokenFilesAreFailuresOrPicturesAndNothingElse() throws IOException {
        byte[] bytes = png(new BufferedImage(9, 9, BufferedImage.TYPE_3BYTE_BGR));
        int refused = 0;
        for (int length = 0; length < bytes.length; length++) {
            byte[] cut = Arrays.copyOf(bytes, length);
            refused += attempt(cut);
        }
        assertTrue(refused > bytes.length / 2, refused + " of " + bytes.length);
        Random random = new Random(1);
        for (int i = 0; i < 500; i++) {
            byte[] damaged = bytes.clone();
            damaged[random.nextInt(bytes.length)] = (byte) random.nextInt();
            attempt(damaged);
        }
        assertEquals(1, attempt(new byte[0]));
        assertEquals(1, attempt("GIF89a, or so it says".getBytes(java.nio.charset.StandardCharsets.US_ASCII)));
    }

    /** 1 if the file is refused; any other exception than a Failure ends the test. */
    private static int attempt(byte[] bytes) {
        try {
            PictureFile.read(bytes, "broken");
            return 0;
        } catch (Failure e) {
            return 1;
        }
    }

    @Test
    void keepsDepthAndTransparency() throws IOException {
        for (int channels : new int[] {1, 3}) {
            float[] values = new float[6 * channels];
            float[] alpha = new float[6];
            for (int i = 0; i < values.length; i++) {
                values[i] = (1000 + 2003 * i) / 65535f;
                alpha[i % 6] = (i % 6) / 5f;
            }
            Path file = folder.resolve("deep" + channels + ".png");
            PictureFile.write(file, new Pixels(3, 2, channels, values, new Pixels.Form(16, alpha)));
            Pixels read = PictureFile.read(file);
            assertArrayEquals(values, read.values(), 1e-7f);
            assertArrayEquals(alpha, read.form().alpha(), 1e-5f);
            assertEquals(16, read.form().bits());
        }
    }

    @Test
    void ignoresWhatFollowsThePicture() throws IOException {
        byte[] bytes = png(new BufferedImage(9, 9, BufferedImage.TYPE_3BYTE_BGR));
        byte[] longer = Arrays.copyOf(bytes, bytes.length + 5);
        longer[bytes.length] = 77;
        assertEquals(9, PictureFile.read(longer, "longer").width());
    }

    @Test
    void readsAndWritesJpeg() throws IOException {
        float[] values = new float[32 * 32 * 3];
        for (int i = 0; i < values.length; i++) {
            values[i] = (i / 96 + i % 96 / 3) / 64f;
        }
        Path file = folder.resolve("x.JPG");
        PictureFile.write(file, new Pixels(32, 32, 3, values));
        byte[] bytes = Files.readAllBytes(file);
        assertArrayEquals(values, PictureFile.read(bytes, "x").values(), 0.05f);
        Failure failure = assertThrows(Failure.class,
                () -> PictureFile.read(Arrays.copyOf(bytes, bytes.length / 2), "half"));
        assertTrue(failure.getMessage().contains("broken JPEG"), failure.getMessage());
    }
}
