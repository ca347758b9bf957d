///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 22+
//REPOS mavenlocal,mavencentral
//DEPS dev.kdeformer:kdeformer:0.1.0
//RUNTIME_OPTIONS --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED

import dev.kdeformer.Engine;
import dev.kdeformer.kde.Estimator;
import dev.kdeformer.kde.Kernel;
import dev.kdeformer.kde.KernelDensity;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;

/** Kernel density estimation: how probable places are under a sample, with a bound on the error of every answer. */
public class Density {
    private static final int FEATURES = 2;

    private static float[] sample(int count, Random random) {
        float[] points = new float[count * FEATURES];
        for (int i = 0; i < count; i++) {
            double centre = random.nextInt(3) == 0 ? 2 : -1;      // a third round (2, 2), the rest round (-1, -1)
            for (int c = 0; c < FEATURES; c++) {
                points[i * FEATURES + c] = (float) (centre + 0.6 * random.nextGaussian());
            }
        }
        return points;
    }

    public static void main(String[] args) {
        int m = args.length > 0 ? Integer.parseInt(args[0]) : 30_000;
        int n = 500;
        Random random = new Random(1);
        // Silverman's rule for two features: h = σ m^(-1/6), with the deviation of one cluster.
        double h = 0.6 * Math.pow(m, -1.0 / 6);
        // A kernel is normalised by (2π)^(d/2) h^d, the mean over the sample by m.
        double norm = Math.log(m) + 0.5 * FEATURES * Math.log(2 * Math.PI) + FEATURES * Math.log(h);
        try (Engine engine = Engine.create(); Arena arena = Arena.ofShared()) {
            Tensor points = Tensor.copyOf(arena, Shape.of(m, FEATURES), sample(m, random));
            Tensor places = Tensor.copyOf(arena, Shape.of(n, FEATURES), sample(n, random));
            double[] exact = logSums(engine, points, places, h, Estimator.EXACT, 0.01);
            double[] tree = logSums(engine, points, places, h, Estimator.TREE, 0.01);
            double worst = 0;
            double mean = 0;
            for (int i = 0; i < n; i++) {
                worst = Math.max(worst, Math.abs(Math.expm1(tree[i] - exact[i])));
                mean += (tree[i] - norm) / n;
            }
            System.out.printf("worst relative error   %.5f%n", worst);
            System.out.printf("mean log-density       %.3f%n", mean);
        }
    }

    private static double[] logSums(Engine engine, Tensor points, Tensor places, double h, Estimator estimator,
            double relativeError) {
        double[] logSums = new double[places.shape().rows()];
        try (KernelDensity density = KernelDensity.builder().kernel(Kernel.gaussian(h)).estimator(estimator)
                .relativeError(relativeError).build(engine, points)) {
            long start = System.nanoTime();
            KernelDensity.Statistics done = density.query(engine, places, logSums);
            System.out.printf("%-6s %4d ms, %.0f of %d kernel evaluations per place%n", estimator,
                    (System.nanoTime() - start) / 1_000_000, done.evaluations(), density.points());
        }
        return logSums;
    }
}
