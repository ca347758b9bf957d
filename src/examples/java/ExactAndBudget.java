///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 22+
//REPOS mavenlocal,mavencentral
//DEPS dev.kdeformer:kdeformer:0.1.0
//RUNTIME_OPTIONS --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.measure.Certificate;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;

/** The same attention exactly and within an error budget: time, what the method says, what is true. */
public class ExactAndBudget {
    private static final double BUDGET = 0.05;

    /** Rows that lie round a few topics, as those of a text do. */
    private static float[] rows(int count, int features, Random random) {
        int topics = 24;
        float[] centres = new float[topics * features];
        for (int i = 0; i < centres.length; i++) {
            centres[i] = (float) random.nextGaussian();
        }
        float[] rows = new float[count * features];
        for (int i = 0; i < count; i++) {
            int topic = random.nextInt(topics);
            for (int c = 0; c < features; c++) {
                rows[i * features + c] = centres[topic * features + c] + 0.3f * (float) random.nextGaussian();
            }
        }
        return rows;
    }

    public static void main(String[] args) {
        int n = args.length > 0 ? Integer.parseInt(args[0]) : 16_384;
        Shape shape = Shape.of(n, 32);
        Random random = new Random(1);
        try (Engine engine = Engine.create(); Arena arena = Arena.ofShared()) {
            Tensor x = Tensor.copyOf(arena, shape, rows(n, 32, random));
            Tensor value = Tensor.copyOf(arena, shape, rows(n, 32, random));
            AttentionInput input = AttentionInput.of(x, x, value);
            Tensor exact = run(engine, arena, Attention.exact().build(), input);
            Tensor near = run(engine, arena, Attention.auto().budget(ErrorBudget.relativeSpectral(BUDGET)).build(),
                    input);
            System.out.printf("budget           %.4f%n", BUDGET);
            System.out.printf("true error       %.4f%n", ErrorReport.of(engine, near, exact).max().spectral());
            Certificate certificate = Certificate.of(engine, input, near, 128, 7, 0.95);
            System.out.printf("certified (95 %%) %.4f to %.4f%n", certificate.low(), certificate.high());
        }
    }

    private static Tensor run(Engine engine, Arena arena, AttentionMethod method, AttentionInput input) {
        Tensor output = Tensor.allocate(arena, input.outputShape());
        method.apply(engine, input, output);                      // the first call warms the virtual machine up
        long start = System.nanoTime();
        AttentionMethod.Statistics done = method.apply(engine, input, output);
        System.out.printf("%-8s %5d ms, %.0f key evaluations per query. %s%n", method.name(),
                (System.nanoTime() - start) / 1_000_000, done.columns(), done.note());
        return output;
    }
}
