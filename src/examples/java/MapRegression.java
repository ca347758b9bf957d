///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 22+
//REPOS mavenlocal,mavencentral
//DEPS dev.kdeformer:kdeformer:0.1.0
//RUNTIME_OPTIONS --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;

/**
 * Kernel regression on a map (Nadaraya and Watson, 1964): noisy measurements at scattered places become a smooth field.
 * The mean of the values with weights exp(-|x - y|² / 2h²) is attention of scale 1/h² whose key y has the bias
 * -|y|² / 2h².
 */
public class MapRegression {
    private static final int WIDTH = 72;
    private static final int HEIGHT = 22;
    private static final float H = 0.03f;

    /** The field to be found, on the unit square. */
    private static double field(double x, double y) {
        return Math.sin(7 * x) * Math.cos(5 * y) + x;
    }

    public static void main(String[] args) {
        int m = args.length > 0 ? Integer.parseInt(args[0]) : 20_000;
        Random random = new Random(1);
        float[] places = new float[2 * m];
        float[] measured = new float[m];
        float[] bias = new float[m];
        for (int j = 0; j < m; j++) {
            float x = places[2 * j] = random.nextFloat();
            float y = places[2 * j + 1] = random.nextFloat();
            measured[j] = (float) (field(x, y) + 0.5 * random.nextGaussian());
            bias[j] = -(x * x + y * y) / (2 * H * H);
        }
        float[] grid = new float[2 * WIDTH * HEIGHT];
        for (int i = 0; i < WIDTH * HEIGHT; i++) {
            grid[2 * i] = (i % WIDTH + 0.5f) / WIDTH;
            grid[2 * i + 1] = (i / WIDTH + 0.5f) / HEIGHT;
        }
        try (Engine engine = Engine.create(); Arena arena = Arena.ofShared()) {
            AttentionInput input = AttentionInput.of(Tensor.copyOf(arena, Shape.of(WIDTH * HEIGHT, 2), grid),
                    Tensor.copyOf(arena, Shape.of(m, 2), places), Tensor.copyOf(arena, Shape.of(m, 1), measured))
                    .withScale(1 / (H * H)).withKeyBias(Tensor.copyOf(arena, Shape.of(1, m), bias));
            Tensor smooth = Tensor.allocate(arena, input.outputShape());
            Attention.auto().build().apply(engine, input, smooth);
            draw(smooth.toArray(), grid);
        }
    }

    private static void draw(float[] found, float[] grid) {
        String shades = " .:-=+*#%@";
        StringBuilder map = new StringBuilder();
        double squares = 0;
        for (int i = 0; i < found.length; i++) {
            double shade = (found[i] + 1) / 3 * shades.length();
            map.append(shades.charAt((int) Math.max(0, Math.min(shades.length() - 1, shade))));
            if (i % WIDTH == WIDTH - 1) {
                map.append('\n');
            }
            squares += Math.pow(found[i] - field(grid[2 * i], grid[2 * i + 1]), 2);
        }
        System.out.print(map);
        System.out.printf("noise of a measurement 0.50, root mean square error of the map %.3f%n",
                Math.sqrt(squares / found.length));
    }
}
