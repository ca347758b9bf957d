package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.kdeformer.io.Npy;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DensityCommandTest {
    private static final int POINTS = 900;

    @TempDir
    private Path folder;

    private String points(int d) throws IOException {
        SplittableRandom random = new SplittableRandom(d);
        float[] values = new float[POINTS * d];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        try (Arena arena = Arena.ofConfined()) {
            Path file = folder.resolve("x" + d + ".npy");
            Npy.write(file, Tensor.copyOf(arena, Shape.of(POINTS, d), values), d == 1 ? 1 : 2);
            return file.toString();
        }
    }

    private static double number(Map<String, Object> report, String key) {
        return ((Number) report.get(key)).doubleValue();
    }

    @Test
    void everyKernelFindsTheDensityOfNormalPoints() throws IOException {
        String file = points(1);
        Path logs = folder.resolve("logs.npy");
        for (String kernel : new String[] {"gaussian", "exponential", "epanechnikov", "top-hat", "linear", "cosine"}) {
            Map<String, Object> report = JSON.std.mapFrom(Outcome.of("density", "--points", file, "--kernel", kernel,
                    "--bandwidth", "silverman", "-o", logs.toString(), "--json").succeeds().out());
            assertTrue(number(report, "largestError") <= 0.01, report.toString());
            try (Arena arena = Arena.ofConfined()) {
                Tensor found = Npy.readRows(logs, arena);
                Tensor x = Npy.readRows(Path.of(file), arena);
                assertEquals(POINTS, found.shape().rows());
                double mean = 0;
                for (int i = 0; i < POINTS; i++) {
                    float at = x.matrix(0, 0).get(i, 0);
                    mean += found.matrix(0, 0).get(i, 0) + 0.5 * at * at + 0.5 * Math.log(2 * Math.PI);
                }
                assertEquals(0, mean / POINTS, 0.1, kernel);
            }
        }
    }

    @Test
    void plotsLinesAndPlanesAndNothingElse() throws IOException {
        for (int d : new int[] {1, 2}) {
            Path plot = folder.resolve("d" + d + (d == 1 ? ".svg" : ".png"));
            Outcome.of("density", "--points", points(d), "--plot", plot.toString()).succeeds();
            assertTrue(Files.size(plot) > 1000);
        }
        Outcome.of("density", "--points", points(3), "--plot", folder.resolve("no.png").toString())
                .failsWith(2, "--plot needs points of one or two features, got 3; --principal 2 reduces them");
        Outcome.of("density", "--points", points(3), "--principal", "2", "--plot",
                folder.resolve("yes.png").toString()).succeeds();
    }

    @Test
    void weightsTakePointsAway() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            Path points = folder.resolve("three.npy");
            Path weights = folder.resolve("w.npy");
            Path logs = folder.resolve("l.npy");
            Npy.write(points, Tensor.copyOf(arena, Shape.of(3, 1), 0, 10, 20), 1);
            Npy.write(weights, Tensor.copyOf(arena, Shape.of(3, 1), 3, 0, 1), 1);
            String out = Outcome.of("density", "--points", points.toString(), "--weights", weights.toString(),
                    "--kernel", "top-hat", "--bandwidth", "2", "-o", logs.toString()).succeeds().out();
            float[] found = Npy.readRows(logs, arena).toArray();
            // Three quarters and one quarter of the mass, over a length of four each.
            assertEquals(Math.log(0.75 / 4), found[0], 1e-5);
            assertEquals(Float.NEGATIVE_INFINITY, found[1]);
            assertEquals(Math.log(0.25 / 4), found[2], 1e-5);
            assertTrue(out.contains("1 of the queries have no point in reach"), out);
        }
    }

    @Test
    void wrongCallsAreNamed() throws IOException {
        String file = points(1);
        Outcome.of("density", "--kernel", "box").failsWith(2, "--kernel must be one of gaussian, exponential");
        Outcome.of("density", "--bandwidth", "wide").failsWith(2, "--bandwidth must be a number, scott or silverman");
        Outcome.of("density", "--points", file, "--bandwidth", "0").failsWith(2, "--bandwidth must be between");
        Outcome.of("density", "--error", "0").failsWith(2, "--error must be between 0.0001 and 0.9, got 0.0");
        Outcome.of("density", "--points", file, "--data", "glove-16384").failsWith(2, "one of them is enough");
        Outcome.of("density", "--points", file, "--weights", points(2)).failsWith(2, "--weights must hold 900 numbers");
        Outcome.of("density", "--points", file, "--queries", points(2)).failsWith(2, "--queries must have 1 columns");
        Outcome.of("density", "--kernel", "cosine", "--estimator", "hashing").failsWith(2, "hashing takes the kernel");
    }
}
