///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 22+
//REPOS mavenlocal,mavencentral
//DEPS dev.kdeformer:kdeformer:0.1.0
//RUNTIME_OPTIONS --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;

/** Gradient descent through attention: queries and values are moved until the output is what was wanted. */
public class Gradients {
    private static float[] gaussian(long count, Random random) {
        float[] numbers = new float[(int) count];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return numbers;
    }

    public static void main(String[] args) {
        int steps = args.length > 0 ? Integer.parseInt(args[0]) : 60;
        Shape shape = Shape.of(1, 2, 256, 16);                    // batch, heads, rows, features
        Random random = new Random(1);
        float[] queries = gaussian(shape.elements(), random);
        float[] values = gaussian(shape.elements(), random);
        float[] wanted = gaussian(shape.elements(), random);
        DifferentiableMethod method = Attention.exact().build();  // or kdeformer(), hyper(), pilot()
        try (Engine engine = Engine.create(); Arena arena = Arena.ofShared()) {
            Tensor key = Tensor.copyOf(arena, shape, gaussian(shape.elements(), random));
            Tensor output = Tensor.allocate(arena, shape);
            Tensor logSumExp = Tensor.allocate(arena, shape.withColumns(1));
            InputGradients gradients = new InputGradients(Tensor.allocate(arena, shape),
                    Tensor.allocate(arena, shape), Tensor.allocate(arena, shape));
            for (int step = 0; step <= steps; step++) {
                try (Arena each = Arena.ofShared()) {
                    AttentionInput input = AttentionInput.of(Tensor.copyOf(each, shape, queries), key,
                            Tensor.copyOf(each, shape, values));
                    method.apply(engine, input, output, logSumExp);
                    float[] difference = output.toArray();        // the gradient of half the squared distance
                    double loss = 0;
                    for (int i = 0; i < difference.length; i++) {
                        difference[i] -= wanted[i];
                        loss += 0.5 * difference[i] * difference[i] / difference.length;
                    }
                    if (step % 20 == 0) {
                        System.out.printf("loss after step %-3d %.4f%n", step, loss);
                    }
                    method.gradient().apply(engine, input, output, logSumExp, Tensor.copyOf(each, shape, difference),
                            gradients);
                }
                descend(queries, gradients.dQuery().toArray(), 0.2f);
                descend(values, gradients.dValue().toArray(), 0.2f);
            }
        }
    }

    private static void descend(float[] numbers, float[] gradient, float rate) {
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] -= rate * gradient[i];
        }
    }
}
