package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.kdeformer.cli.denoise.PictureFile;
import dev.kdeformer.cli.denoise.Pixels;
import dev.kdeformer.cli.input.Catalogue;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DenoiseCommandTest {
    @TempDir
    private Path folder;

    private Path grey;
    private Path colour;

    @BeforeEach
    void cutPictures() throws IOException {
        grey = folder.resolve("grey.png");
        colour = folder.resolve("colour.png");
        PictureFile.write(grey, cut("camera", 200, 90, 48, 40));
        PictureFile.write(colour, cut("astronaut", 180, 60, 40, 36));
    }

    private static Pixels cut(String name, int left, int top, int width, int height) throws IOException {
        Catalogue catalogue = Catalogue.embedded();
        Pixels all = PictureFile.read(catalogue.bytes(catalogue.findPicture(name).file()), name);
        float[] values = new float[width * height * all.channels()];
        for (int y = 0; y < height; y++) {
            System.arraycopy(all.values(), ((top + y) * all.width() + left) * all.channels(), values,
                    y * width * all.channels(), width * all.channels());
        }
        return new Pixels(width, height, all.channels(), values);
    }

    private static Map<?, ?> denoise(Object... args) throws IOException {
        List<String> all = new ArrayList<>(List.of("denoise", "--threads", "1"));
        Arrays.stream(args).map(Object::toString).forEach(all::add);
        all.add("--json");
        return JSON.std.mapFrom(Outcome.of(all.toArray(String[]::new)).succeeds().out());
    }

    private static double number(Map<?, ?> report, String key) {
        return ((Number) ((Map<?, ?>) report.get("denoise")).get(key)).doubleValue();
    }

    @Test
    void takesNoiseOffAGreyPictureAndWritesIt() throws IOException {
        Path out = folder.resolve("out.png");
        Path three = folder.resolve("three.png");
        Map<?, ?> report = denoise(grey, "-o", out, "--side-by-side", three, "--method", "exact", "--noise", "0.1");
        assertEquals(20, number(report, "noisyPsnr"), 0.5);
        assertTrue(number(report, "denoisedPsnr") > number(report, "noisyPsnr") + 1.5, report.toString());
        Pixels original = PictureFile.read(grey);
        Pixels written = PictureFile.read(out);
        assertEquals(List.of(48, 40, 1), List.of(written.width(), written.height(), written.channels()));
        assertEquals(number(report, "denoisedPsnr"), written.psnr(original, null), 0.05);
        Pixels all = PictureFile.read(three);
        assertEquals(List.of(144, 40, 1), List.of(all.width(), all.height(), all.channels()));
        for (int y = 0; y < 40; y++) {
            for (int x = 0; x < 48; x++) {
                assertEquals(original.values()[y * 48 + x], all.values()[y * 144 + x]);
                assertEquals(written.values()[y * 48 + x], all.values()[y * 144 + 96 + x]);
            }
        }
    }

    @Test
    void takesNoiseOffAColourPicture() throws IOException {
        Path out = folder.resolve("out.png");
        Map<?, ?> report = denoise(colour, "-o", out, "--method", "exact", "--patch", "5");
        assertTrue(number(report, "denoisedPsnr") > number(report, "noisyPsnr") + 1.5, report.toString());
        assertEquals(3, PictureFile.read(out).channels());
        assertEquals(75, ((Map<?, ?>) report.get("input")).get("d"));
        Map<?, ?> reduced = denoise(colour, "--method", "exact", "--patch", "5", "--features", "12");
        assertEquals(12, ((Map<?, ?>) reduced.get("input")).get("d"));
        double kept = number(reduced, "keptVariance");
        assertTrue(kept > 0.5 && kept < 1, reduced.toString());
        assertTrue(number(reduced, "denoisedPsnr") > number(reduced, "noisyPsnr") + 1.5, reduced.toString());
        Map<?, ?> grey = denoise(colour, "--method", "mean", "--grey");
        assertEquals(49, ((Map<?, ?>) grey.get("input")).get("d"));
    }

    @Test
    void comparesWithExactOnSomeOrAllPixels() throws IOException {
        Map<?, ?> all = denoise(grey, "--method", "exact", "--compare-exact", "100000");
        assertEquals(1920, number(all, "exactPixels"));
        assertEquals(number(all, "denoisedPsnr"), number(all, "exactPsnr"), 1e-4);
        assertEquals(false, ((Map<?, ?>) all.get("denoise")).get("exactMsExtrapolated"));
        Map<?, ?> some = denoise(grey, "--method", "mean", "--compare-exact", "300");
        assertEquals(true, ((Map<?, ?>) some.get("denoise")).get("exactMsExtrapolated"));
        assertTrue(number(some, "exactPsnr") > number(some, "psnrOnExactPixels") + 3, some.toString());
        String text = Outcome.of("denoise", grey.toString(), "--method", "mean", "--compare-exact", "300").succeeds()
                .out();
        assertTrue(text.lines().anyMatch(line -> line.matches(" exact +\\| +- \\|.*~.*")), text);
        assertTrue(text.contains("extrapolated"), text);
    }

    @Test
    void estimatesTheNoiseOfAPictureThatIsNoisyAlready() throws IOException {
        assertEquals(0.1, cut("camera", 100, 100, 300, 300).withNoise(0.1, 4).noiseLevel(), 0.01);
        Path noisy = folder.resolve("noisy.png");
        PictureFile.write(noisy, PictureFile.read(grey).withNoise(0.05, 1));
        Map<?, ?> report = denoise(noisy, "--method", "mean", "--noise", "0");
        assertEquals(0.05, number(report, "noiseLevel"), 0.015);
        assertNull(((Map<?, ?>) report.get("denoise")).get("denoisedPsnr"));
        Path flat = folder.resolve("flat.png");
        PictureFile.write(flat, new Pixels(8, 8, 1, new float[64]));
        Outcome.of("denoise", flat.toString(), "--noise", "0").failsWith(2, "--h auto follows the noise");
    }

    @Test
    void theSeedDecidesTheNoise() throws IOException {
        double first = number(denoise(grey, "--method", "mean", "--seed", "5"), "noisyPsnr");
        assertEquals(first, number(denoise(grey, "--method", "mean", "--seed", "5"), "noisyPsnr"));
        assertFalse(first == number(denoise(grey, "--method", "mean", "--seed", "6"), "noisyPsnr"));
    }

    @Test
    void pilotComesCloseToExact() throws IOException {
        Map<?, ?> report = denoise(grey, "--compare-exact", "100000");
        assertEquals("pilot", ((Map<?, ?>) ((List<?>) report.get("runs")).get(0)).get("method"));
        assertEquals(number(report, "exactPsnr"), number(report, "psnrOnExactPixels"), 0.5);
        assertTrue(number(report, "psnrAgainstExact") > 30, report.toString());
    }

    @Test
    void wrongCallsAndFilesGiveOneLine() throws IOException {
        String file = grey.toString();
        Outcome.of("denoise", file, "--noise", "-1").failsWith(2, "--noise must be between 0 and 10");
        Outcome.of("denoise", file, "--noise", "NaN").failsWith(2, "--noise must be between 0 and 10");
        Outcome.of("denoise", file, "--patch", "4").failsWith(2, "--patch must be odd");
        Outcome.of("denoise", file, "--h", "wide").failsWith(2, "--h must be auto or between");
        Outcome.of("denoise", file, "--features", "50").failsWith(2, "--features must be between 1 and the 49");
        Outcome.of("denoise", file, "--compare-exact", "0").failsWith(2, "--compare-exact must be at least 1");
        Outcome.of("denoise", file, "-o", folder + "/missing/out.png").failsWith(1, "its folder does not exist");
        Outcome.of("denoise", folder + "/none.png").failsWith(1, "no such file");
        Path out = folder.resolve("out.png");
        Path bad = folder.resolve("bad.png");
        Files.write(bad, Arrays.copyOf(Files.readAllBytes(grey), 500));
        Outcome.of("denoise", bad.toString(), "-o", out.toString()).failsWith(1, "bad.png is a broken PNG file");
        assertFalse(Files.exists(out));
    }

    @Test
    void isNotWorseThanExactWithoutSayingSo() throws IOException {
        Map<?, ?> report = denoise(grey, "--noise", "0.004");
        Map<?, ?> run = (Map<?, ?>) ((List<?>) report.get("runs")).get(0);
        assertTrue(run.get("method").equals("exact") || number(report, "lossAgainstExact") <= 0.1, report.toString());
        Map<?, ?> named = denoise(grey, "--noise", "0.004", "--method", "mean");
        assertTrue(number(named, "lossAgainstExact") > 10, named.toString());
        String note = (String) ((Map<?, ?>) ((List<?>) named.get("runs")).get(0)).get("note");
        assertTrue(note.contains("dB worse than that of exact attention"), note);
        Path noisy = folder.resolve("faint.png");
        PictureFile.write(noisy, PictureFile.read(grey).withNoise(0.01, 1));
        assertTrue(number(denoise(noisy, "--noise", "0", "--method", "mean"), "lossAgainstExact") > 10);
    }
}
