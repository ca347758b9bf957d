package dev.kdeformer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.cli.Outcome;
import dev.kdeformer.cli.methods.Allowance;
import dev.kdeformer.cli.methods.MethodEntry;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.decode.KeyValueCache;
import dev.kdeformer.decode.SparseDecoding;
import dev.kdeformer.io.Npy;
import dev.kdeformer.kde.Bandwidth;
import dev.kdeformer.kde.Estimator;
import dev.kdeformer.kde.Kernel;
import dev.kdeformer.kde.KernelDensity;
import dev.kdeformer.measure.Certificate;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.measure.RowBound;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sequences without a row: outputs without elements, or of zeros. */
class EmptyTensorsTest {
    private static final Engine ENGINE = Engine.create(2);
    private static final int[][] SIZES = {{0, 5}, {5, 0}, {0, 0}};

    private final Arena arena = Arena.ofAuto();

    @TempDir
    private Path folder;

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    private Tensor full(Shape shape, float value) {
        float[] values = new float[(int) shape.elements()];
        Arrays.fill(values, value);
        return Tensor.copyOf(arena, shape, values);
    }

    private AttentionInput input(int n, int m) {
        return AttentionInput.of(full(Shape.of(2, 4, n, 3), 2), full(Shape.of(2, 2, m, 3), 2),
                full(Shape.of(2, 2, m, 6), 2));
    }

    private static AttentionMethod make(MethodEntry<?> entry) {
        return entry.make(Allowance.NONE, 7, Map.of());
    }

    private void check(AttentionMethod method, AttentionInput input) {
        Tensor output = full(input.outputShape(), 9);
        Tensor sums = full(input.outputShape().withColumns(1), 9);
        String name = method.name() + " " + input.outputShape();
        assertEquals(0, method.apply(ENGINE, input, output, sums).columns(), name);
        assertArrayEquals(new float[(int) output.shape().elements()], output.toArray(), name);
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                for (int i = 0; i < input.queries(); i++) {
                    assertEquals(input.sink(h), sums.matrix(b, h).get(i, 0), name);
                }
            }
        }
        assertEquals(Estimate.NOTHING, method.estimate(input, 2), name);
        assertNotNull(method.parameters(input), name);
        if (method instanceof DifferentiableMethod differentiable) {
            checkGradient(differentiable, input, output, sums);
        }
    }

    private void checkGradient(DifferentiableMethod method, AttentionInput input, Tensor output, Tensor sums) {
        List<Tensor> gradients = List.of(full(input.query().shape(), 9), full(input.key().shape(), 9),
                full(input.value().shape(), 9));
        AttentionGradient gradient = method.gradient();
        gradient.apply(ENGINE, input, output, sums, full(output.shape(), 1), new InputGradients(gradients.get(0),
                gradients.get(1), gradients.get(2)));
        for (Tensor each : gradients) {
            assertArrayEquals(new float[(int) each.shape().elements()], each.toArray(), method.name());
        }
        assertEquals(Estimate.NOTHING, gradient.estimate(input, 2));
        double[][] outputs = gradient.fixed(ENGINE, input).outputs(0, new double[8][input.queries() * 3],
                new double[4][input.keys() * 3], new double[4][input.keys() * 6]);
        assertEquals(2, outputs.length);
        assertArrayEquals(new double[input.queries() * 6], outputs[1]);
    }

    @Test
    void everyMethodAnswers() {
        for (MethodEntry<?> entry : Methods.all()) {
            AttentionMethod method = make(entry);
            for (int[] size : SIZES) {
                AttentionInput input = input(size[0], size[1]);
                check(method, input);
                if (method.takes().contains(InputFeature.CAUSAL)) {
                    check(method, input.withMask(Mask.causal()));
                }
                if (method.takes().contains(InputFeature.KEY_LENGTHS)) {
                    check(method, input.withMask(Mask.none().withKeyLengths(0, size[1])));
                }
                if (method.takes().contains(InputFeature.KEY_BIAS)) {
                    check(method, input.withKeyBias(full(Shape.of(1, 2, 1, size[1]), 1)));
                }
                if (method.takes().contains(InputFeature.SINKS)) {
                    check(method, input.withSinks(1, 2, 3, 4));
                }
            }
        }
    }

    @Test
    void rowsWithoutColumnsAreNoInput() {
        Tensor x = full(Shape.of(3, 0), 0);
        Tensor y = full(Shape.of(3, 2), 0);
        assertThrows(IllegalArgumentException.class, () -> AttentionInput.of(x, x, y));
        assertThrows(IllegalArgumentException.class, () -> AttentionInput.of(y, y, x));
        assertThrows(IllegalArgumentException.class, () -> KeyValueCache.create(1, 1, 0, 2));
        assertThrows(IllegalArgumentException.class, () -> KernelDensity.builder().kernel(Kernel.gaussian(1))
                .build(ENGINE, x));
    }

    @Test
    void viewsOfNothingAreNothing() {
        Tensor x = full(Shape.of(2, 2, 3, 4), 1);
        for (int first : new int[] {0, 3}) {
            Tensor none = x.rows(first, 0);
            assertEquals(Shape.of(2, 2, 0, 4), none.shape());
            assertEquals(Shape.of(0, 4), none.head(1, 1).shape());
            assertEquals(0, none.matrix(1, 1).toArray().length);
        }
        assertThrows(IllegalArgumentException.class, () -> x.rows(2, -1));
        assertThrows(IllegalArgumentException.class, () -> x.rows(4, 0));
        MemorySegment nothing = MemorySegment.ofArray(new float[0]);
        assertEquals(0, Tensor.of(nothing, Shape.of(3, 2, 0, 5), 100, 50, 5, 1).toArray().length);
        assertThrows(IllegalArgumentException.class, () -> Tensor.of(nothing, Shape.of(0, 5), 1, 1, -5, 1));
        assertThrows(IllegalArgumentException.class, () -> Shape.of(-1, 2));
        assertThrows(IllegalArgumentException.class, () -> Shape.of(0, 1, 2, 2));
    }

    @Test
    void decodingAnswers() {
        for (int length : new int[] {0, 20}) {
            for (int n : new int[] {0, 2}) {
                try (KeyValueCache cache = KeyValueCache.createIndexed(2, 2, 3, 6)) {
                    AttentionInput input = input(n, length);
                    cache.append(ENGINE, input.key(), input.value());
                    cache.append(ENGINE, input.key().rows(0, 0), input.value().rows(0, 0));
                    assertEquals(length, cache.length());
                    for (int checks : new int[] {0, 1}) {
                        Tensor output = full(input.outputShape(), 9);
                        Tensor sums = full(input.outputShape().withColumns(1), 9);
                        SparseDecoding sparse = SparseDecoding.builder().budget(0.5).checks(checks).build();
                        if (checks == 0) {
                            cache.decode(ENGINE, input.query(), output, sums, 1);
                        } else {
                            SparseDecoding.Statistics done = sparse.apply(ENGINE, cache, input.query(), output, sums,
                                    1);
                            assertFalse(Double.isNaN(done.keysRead() + done.bytesRead() + done.predictedError()),
                                    done.toString());
                            assertEquals(done.checked().rows(), done.checked().count());
                        }
                        float[] wanted = new float[(int) output.shape().elements()];
                        Arrays.fill(wanted, length == 0 ? 0 : 2);
                        assertArrayEquals(wanted, output.toArray(), 1e-5f);
                    }
                }
            }
        }
    }

    @Test
    void measuresSayNothingOrRefuse() {
        AttentionInput noQueries = input(0, 5);
        Tensor output = full(noQueries.outputShape(), 0);
        assertEquals(0, ErrorReport.of(ENGINE, output, output).max().spectral());
        assertThrows(IllegalArgumentException.class, () -> Certificate.of(ENGINE, noQueries, output, 64, 1, 0.9));
        assertThrows(IllegalArgumentException.class, () -> RowBound.of(ENGINE, noQueries, output, 4));
        AttentionInput noKeys = input(50, 0);
        Tensor zeros = full(noKeys.outputShape(), 0);
        assertEquals(0, Certificate.of(ENGINE, noKeys, zeros, 64, 1, 0.9).relative().high());
        assertEquals(0, RowBound.of(ENGINE, noKeys, zeros, 4).maxRow());
    }

    @Test
    void noQueriesOfADensityAreAnswered() {
        Tensor points = full(Shape.of(7, 2), 1);
        for (Estimator estimator : Estimator.values()) {
            try (KernelDensity density = KernelDensity.builder().kernel(Kernel.gaussian(1)).estimator(estimator)
                    .build(ENGINE, points)) {
                KernelDensity.Statistics done = density.query(ENGINE, points.rows(0, 0), new double[0]);
                assertFalse(Double.isNaN(done.evaluations() + done.exact()), estimator.toString());
            }
        }
        assertThrows(IllegalArgumentException.class, () -> KernelDensity.builder().kernel(Kernel.gaussian(1))
                .build(ENGINE, points.rows(0, 0)));
        String refused = assertThrows(IllegalArgumentException.class, () -> Bandwidth.SCOTT.of(Kernel.Form.GAUSSIAN,
                points.rows(0, 0), null)).getMessage();
        assertTrue(refused.contains("points must have at least 1 row"), refused);
    }

    @Test
    void filesOfNothingAreReadAndRun() throws Exception {
        for (int[] size : SIZES) {
            AttentionInput input = input(size[0], size[1]);
            Path q = folder.resolve("q.npy");
            Path k = folder.resolve("k.npy");
            Path v = folder.resolve("v.npy");
            Npy.write(q, input.query());
            Npy.write(k, input.key());
            Npy.write(v, input.value());
            assertEquals(input.query().shape(), Npy.read(q, arena).shape());
            Outcome.of("gradcheck", "--q", q.toString(), "--k", k.toString(), "--v", v.toString())
                    .failsWith(2, "without queries or keys no gradient has elements to check");
            Path o = folder.resolve("o.npy");
            for (String method : List.of("exact", "pilot", "auto", "wildcat", "kdeformer")) {
                Outcome.of("run", "--q", q.toString(), "--k", k.toString(), "--v", v.toString(), "--method", method,
                        "--repeat", "1", "--warm-up", "0", "--threads", "1", "--out", o.toString(), "--json",
                        folder.resolve("x.json").toString()).succeeds();
                Tensor output = Npy.read(o, arena);
                assertEquals(input.outputShape(), output.shape());
                assertArrayEquals(new float[(int) output.shape().elements()], output.toArray());
                assertTrue(Files.readString(folder.resolve("x.json")).contains("\"spectral\""));
            }
        }
    }
}
