package dev.kdeformer.exact;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.BiasGradients;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.Mask;
import dev.kdeformer.PairBias;
import dev.kdeformer.reference.ReferenceGradient;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Gradients by biases and sinks against central differences of a loss in double precision. */
class BiasGradientTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(41);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    private void run(Engine engine, AttentionInput input, Tensor outputGradient, BiasGradients biases) {
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        Attention.exact().build().apply(engine, input, output, sums);
        ExactGradient.builder().build().apply(engine, input, output, sums, outputGradient,
                new InputGradients(make.zeros(input.query().shape()), make.zeros(input.key().shape()),
                        make.zeros(input.value().shape())), biases);
    }

    @Test
    void pairsParametersAndSinksFollowDifferences() {
        int compared = 0;
        for (TestInputs.Case each : TestInputs.combinations(51, 60)) {
            AttentionInput input = each.input();
            if ((long) input.queries() * input.keys() > 4000) {
                continue;
            }
            int n = input.queries();
            int m = input.keys();
            int heads = input.heads();
            Tensor outputGradient = make.tensor(input.outputShape(), 1);
            Tensor pairs = make.tensor(Shape.of(input.batch(), heads, n, m), 5);
            float[] sinks = new float[heads];
            float[] parameters = new float[input.pairBias() == null ? 0 : input.pairBias().parameters()];
            BiasGradients wanted = BiasGradients.none().withPairs(pairs);
            wanted = input.hasSinks() ? wanted.withSinks(sinks) : wanted;
            wanted = parameters.length > 0 ? wanted.withParameters(parameters) : wanted;
            run(ENGINE, input, outputGradient, wanted);

            double[][] bias = new double[input.batch() * heads][n * m];
            ReferenceGradient reference = ReferenceGradient.of(input, outputGradient, bias);
            SplittableRandom random = new SplittableRandom(n + m);
            for (int t = 0; t < 6; t++) {
                int head = random.nextInt(bias.length);
                int pair = random.nextInt(n * m);
                bias[head][pair] = 1e-4;
                double up = reference.loss();
                bias[head][pair] = -1e-4;
                double down = reference.loss();
                bias[head][pair] = 0;
                assertEquals((up - down) / 2e-4, pairs.matrix(head / heads, head % heads).get(pair / m, pair % m),
                        2e-4, each + " pair " + pair);
            }
            if (parameters.length > 0) {
                assertArrayEquals(byParameter(input, pairs), parameters, 1e-3f, each.toString());
                compared++;
            }
            for (int h = 0; h < heads && input.hasSinks(); h++) {
                double slope = input.sink(h) == Float.NEGATIVE_INFINITY ? 0
                        : (loss(input, outputGradient, h, 0x1p-6f) - loss(input, outputGradient, h, -0x1p-6f)) / 0x1p-5;
                assertEquals(slope, sinks[h], 2e-3 + 1e-3 * Math.abs(slope), each + " sink " + h);
            }
        }
        assertEquals(true, compared >= 3, "only " + compared + " tables were compared");
    }

    /** Parts of a grid get the sums over the keys of their row or column of the gradient by pairs, in every input. */
    @Test
    void partsOfAGridAreSumsOfPairs() {
        int biased = 0;
        for (TestInputs.Case each : TestInputs.combinations(52, 60)) {
            AttentionInput input = each.input();
            int m = input.keys();
            boolean own = input.pairBias() != null && input.pairBias().layout() == PairBias.Layout.GRID;
            int width = own ? input.pairBias().tensors().get(1).shape().columns()
                    : IntStream.rangeClosed(1, m).filter(w -> m % w == 0 && (long) w * w >= m).findFirst().orElse(m);
            biased += own ? 1 : 0;
            boolean shared = input.queries() % 2 == 0;
            Shape rows = Shape.of(shared ? 1 : input.batch(), input.heads(), input.queries(), m / width);
            Shape columns = Shape.of(input.batch(), shared ? 1 : input.heads(), input.queries(), width);
            Tensor outputGradient = make.tensor(input.outputShape(), 1);
            Tensor pairs = make.tensor(Shape.of(input.batch(), input.heads(), input.queries(), m), 5);
            Tensor ofRows = make.tensor(rows, 5);
            Tensor ofColumns = make.tensor(columns, 5);
            run(ENGINE, input, outputGradient, BiasGradients.none().withPairs(pairs).withGrid(ofRows, ofColumns));
            assertArrayEquals(folded(pairs, rows, j -> j / width), ofRows.toArray(), 1e-4f, each.toString());
            assertArrayEquals(folded(pairs, columns, j -> j % width), ofColumns.toArray(), 1e-4f, each.toString());
        }
        assertEquals(true, biased >= 5, "only " + biased + " inputs had a grid");
    }

    private static float[] folded(Tensor pairs, Shape shape, IntUnaryOperator place) {
        double[] sums = new double[(int) shape.elements()];
        Shape all = pairs.shape();
        for (int b = 0; b < all.batch(); b++) {
            for (int h = 0; h < all.heads(); h++) {
                int unit = Math.min(b, shape.batch() - 1) * shape.heads() + Math.min(h, shape.heads() - 1);
                for (int i = 0; i < all.rows(); i++) {
                    for (int j = 0; j < all.columns(); j++) {
                        sums[(unit * all.rows() + i) * shape.columns() + place.applyAsInt(j)] += pairs.matrix(b, h)
                                .get(i, j);
                    }
                }
            }
        }
        return floats(sums);
    }

    /** Several phases of queries and several shares of keys, at any number of threads. */
    @Test
    void partsOfAGridHaveTheSameBitsAtAnyNumberOfThreads() {
        AttentionInput bare = make.normal(1, 2, 1, 9700, 40 * 25, 5, 3);
        AttentionInput input = bare.withPairBias(PairBias.decomposed(make.bias(Shape.of(1, 1, 9700, 40)),
                make.bias(Shape.of(1, 2, 9700, 25))));
        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        Tensor pairs = make.zeros(Shape.of(1, 2, 9700, 1000));
        run(ENGINE, input, outputGradient, BiasGradients.none().withPairs(pairs));
        float[] expected = folded(pairs, Shape.of(1, 1, 9700, 40), j -> j / 25);
        float[][] first = null;
        for (int threads : new int[] {1, 2, 7}) {
            Tensor rows = make.zeros(Shape.of(1, 1, 9700, 40));
            Tensor columns = make.zeros(Shape.of(1, 2, 9700, 25));
            try (Engine engine = Engine.create(threads)) {
                run(engine, input, outputGradient, BiasGradients.none().withGrid(rows, columns));
            }
            assertArrayEquals(expected, rows.toArray(), 1e-4f);
            first = first == null ? new float[][] {rows.toArray(), columns.toArray()} : first;
            assertArrayEquals(first[0], rows.toArray());
            assertArrayEquals(first[1], columns.toArray());
        }
    }

    /** The parts themselves, moved up and down. */
    @Test
    void partsOfAGridFollowDifferences() {
        AttentionInput bare = make.normal(2, 2, 1, 31, 42, 5, 3).withMask(Mask.causalAt(20));
        Tensor rows = make.bias(Shape.of(1, 2, 31, 6));
        Tensor columns = make.bias(Shape.of(2, 1, 31, 7));
        AttentionInput input = bare.withPairBias(PairBias.decomposed(rows, columns));
        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        Tensor ofRows = make.tensor(rows.shape(), 5);
        Tensor ofColumns = make.tensor(columns.shape(), 5);
        run(ENGINE, input, outputGradient, BiasGradients.none().withGrid(ofRows, ofColumns));
        for (Tensor[] part : new Tensor[][] {{rows, ofRows}, {columns, ofColumns}}) {
            Shape shape = part[0].shape();
            for (int t = 0; t < 40; t++) {
                int row = t * 17 % 31;
                int place = t % shape.columns();
                Matrix elements = part[0].matrix(t % shape.batch(), t % shape.heads());
                float was = elements.get(row, place);
                elements.set(row, place, was + 0x1p-7f);
                double up = ReferenceGradient.of(input, outputGradient).loss();
                double step = elements.get(row, place) - (double) was;
                elements.set(row, place, (float) (was - step));
                double down = ReferenceGradient.of(input, outputGradient).loss();
                elements.set(row, place, was);
                assertEquals((up - down) / (2 * step),
                        part[1].matrix(t % shape.batch(), t % shape.heads()).get(row, place), 2e-4, t + ": " + shape);
            }
        }
    }

    private static float[] byParameter(AttentionInput input, Tensor pairs) {
        double[] sums = new double[input.pairBias().parameters()];
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                for (int i = 0; i < input.queries(); i++) {
                    for (int j = 0; j < input.keys(); j++) {
                        sums[input.pairBias().parameter(h, i, j)] += pairs.matrix(b, h).get(i, j);
                    }
                }
            }
        }
        return floats(sums);
    }

    private static float[] floats(double[] sums) {
        float[] floats = new float[sums.length];
        for (int i = 0; i < sums.length; i++) {
            floats[i] = (float) sums[i];
        }
        return floats;
    }

    private static double loss(AttentionInput input, Tensor outputGradient, int head, float more) {
        float[] sinks = new float[input.heads()];
        for (int h = 0; h < sinks.length; h++) {
            sinks[h] = input.sink(h) + (h == head ? more : 0);
        }
        return ReferenceGradient.of(input.withSinks(sinks), outputGradient).loss();
    }

    /** The table of a bias by distance is what its parameters are: a table of the parameters' numbers says so. */
    @Test
    void parametersAreTheEntriesOfTheTable() {
        float[][] table = {{0, 1, 2, 3, 4}, {5, 6, 7, 8, 9}};
        PairBias bias = PairBias.byDistance(3, -2, table);
        float[] one = new float[1];
        for (int h = 0; h < 2; h++) {
            for (int i = 0; i < 9; i++) {
                for (int j = 0; j < 20; j++) {
                    bias.fill(new PairBias.Piece(0, h, i, 1, j, 1), one, 1);
                    assertEquals(one[0], bias.parameter(h, i, j));
                }
            }
        }
    }

    @Test
    void sharedSizesAreSummedAndBitsDoNotDependOnThreads() {
        AttentionInput input = make.normal(2, 4, 2, 300, 400, 8, 6).withMask(Mask.causal().withWindow(200))
                .withPairBias(PairBias.byDistance(100, -30, new float[] {1, 2, 3, 0, 1}));
        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        Tensor all = make.zeros(Shape.of(2, 4, 300, 400));
        run(ENGINE, input, outputGradient, BiasGradients.none().withPairs(all));
        for (Shape shape : new Shape[] {Shape.of(1, 4, 300, 400), Shape.of(2, 1, 1, 400), Shape.of(1, 1, 1, 400)}) {
            float[] first = null;
            float[] firstParameters = null;
            for (int threads : new int[] {1, 2, 7}) {
                Tensor pairs = make.tensor(shape, 3);
                float[] parameters = {9, 9, 9, 9, 9};
                try (Engine engine = Engine.create(threads)) {
                    run(engine, input, outputGradient,
                            BiasGradients.none().withPairs(pairs).withParameters(parameters));
                }
                if (first == null) {
                    assertArrayEquals(summed(all, shape), pairs.toArray(), 1e-4f);
                } else {
                    assertArrayEquals(first, pairs.toArray());
                    assertArrayEquals(firstParameters, parameters);
                }
                first = pairs.toArray();
                firstParameters = parameters;
            }
        }
    }

    private float[] summed(Tensor all, Shape shape) {
        Tensor sums = make.zeros(shape);
        for (int b = 0; b < 2; b++) {
            for (int h = 0; h < 4; h++) {
                for (int i = 0; i < 300; i++) {
                    for (int j = 0; j < 400; j++) {
                        int row = Math.min(i, shape.rows() - 1);
                        var target = sums.matrix(Math.min(b, shape.batch() - 1), Math.min(h, shape.heads() - 1));
                        target.set(row, j, target.get(row, j) + all.matrix(b, h).get(i, j));
                    }
                }
            }
        }
        return sums.toArray();
    }

    @Test
    void whatDoesNotFitIsNamed() {
        AttentionInput input = make.normal(1, 2, 2, 5, 7, 4, 3);
        Tensor gradient = make.tensor(input.outputShape(), 1);
        says("pair bias must have shape (1 or 1, 2 or 1, 5 or 1, 7), got (1, 1, 5, 6)", input, gradient,
                BiasGradients.none().withPairs(make.zeros(Shape.of(5, 6))));
        says("gradient by parameters must have as many numbers as the bias per pair has parameters, 0, got 3", input,
                gradient, BiasGradients.none().withParameters(new float[3]));
        says("gradient by parameters must have as many numbers as the bias per pair has parameters, 2, got 3",
                input.withPairBias(PairBias.byDistance(0, 0, new float[2])), gradient,
                BiasGradients.none().withParameters(new float[3]));
        says("gradient by sinks needs an input with sinks and a number for each of the 2 heads, got 2 numbers for 0"
                + " sinks", input, gradient, BiasGradients.none().withSinks(new float[2]));
        says("grid of the pair bias must have as many places as there are keys, 7, got 2 rows of 3", input, gradient,
                BiasGradients.none().withGrid(make.zeros(Shape.of(5, 2)), make.zeros(Shape.of(5, 3))));
        says("parts of the pair bias must have shape (1 or 1, 2 or 1, 5, height or width), got (1, 1, 1, 7)", input,
                gradient, BiasGradients.none().withGrid(make.zeros(Shape.of(5, 1)), make.zeros(Shape.of(1, 7))));
        AttentionInput wide = make.normal(1, 1, 1, 1, 65_536, 1, 1);
        says("gradient by a grid takes a height and a width of at most 65536 together, got 65537", wide,
                make.zeros(Shape.of(1, 1)), BiasGradients.none().withGrid(make.zeros(Shape.of(1, 1)),
                        make.zeros(Shape.of(1, 65_536))));
        Tensor both = make.zeros(Shape.of(1, 40));
        says("gradient by columns of a grid must not overlap another gradient, got memory shared with it", input,
                gradient, BiasGradients.none().withGrid(Tensor.of(both.segment(), Shape.of(5, 1)),
                        Tensor.of(both.segment().asSlice(16), Shape.of(1, 1, 5, 7))));
        says("gradient by pairs must not overlap outputGradient, got memory shared with it", input, gradient,
                BiasGradients.none().withPairs(Tensor.of(gradient.segment(), Shape.of(1, 7))));
    }

    private void says(String message, AttentionInput input, Tensor gradient, BiasGradients biases) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, () -> run(ENGINE, input, gradient, biases))
                .getMessage());
    }
}
