package dev.kdeformer.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.InputFeature;
import dev.kdeformer.Mask;
import dev.kdeformer.measure.Certificate;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.pilot.PilotAttention;
import dev.kdeformer.pilot.PilotPlan;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Element;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Sinks of methods that know nothing of them. */
class SinksTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(31);
    private final SplittableRandom random = new SplittableRandom(17);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    private float sink() {
        return switch (random.nextInt(8)) {
            case 0 -> Float.NEGATIVE_INFINITY;
            case 1 -> 1e30f;
            case 2 -> -1e30f;
            case 3 -> 300;
            case 4 -> -300;
            case 5 -> -0.0f;
            default -> (float) (4 + 3 * random.nextGaussian());
        };
    }

    private float[] sinks(int heads) {
        float[] sinks = new float[heads];
        for (int h = 0; h < heads; h++) {
            sinks[h] = sink();
        }
        return sinks;
    }

    private Mask mask(int batch, int n, int m, boolean causal) {
        Mask mask = switch (causal ? random.nextInt(3) : 2) {
            case 0 -> Mask.causal();
            case 1 -> Mask.causalUpperLeft();
            default -> Mask.none();
        };
        if (random.nextBoolean()) {
            mask = mask.withKeyLengths(random.ints(batch, 0, m + 1).toArray());
        }
        if (random.nextBoolean()) {
            mask = mask.withQueryLengths(random.ints(batch, 0, n + 1).toArray());
        }
        if (random.nextBoolean()) {
            mask = mask.withSequences(random.ints(4, 0, n + 1).sorted().toArray(),
                    random.ints(4, 0, m + 1).sorted().toArray());
        }
        return mask;
    }

    private AttentionInput random(int most, AttentionMethod method) {
        boolean causal = method.takes().contains(InputFeature.CAUSAL)
                && method.parameters().getOrDefault("unbiased", 0).equals(0)
                && method.parameters().getOrDefault("peaked", 0).equals(0);
        int batch = 1 + random.nextInt(2);
        int kvHeads = 1 + random.nextInt(2);
        int heads = kvHeads * (1 + random.nextInt(2));
        int n = 1 + random.nextInt(most);
        int m = 1 + random.nextInt(most);
        AttentionInput input = make.normal(batch, heads, kvHeads, n, m, 1 + random.nextInt(20), 1 + random.nextInt(20));
        if (random.nextInt(3) == 0) {
            input = TestInputs.offsetKeys(input, 30);
        }
        if (random.nextInt(3) == 0) {
            input = input.withKeyBias(make.hiding(Shape.of(1, kvHeads, 1, m), m / 3, m / 2));
        }
        return input.withMask(mask(batch, n, m, causal)).withSinks(sinks(heads));
    }

    /** At an effort at which they are exact, methods give what the reference gives. */
    @Test
    void exactEffortsAreThoseOfTheReference() {
        List<AttentionMethod> methods = List.of(Attention.kdeformer().blockSize(256).samples(64).build(),
                Attention.hyper().build(), Attention.pilot().near(320).build(),
                Attention.pilot().budget(ErrorBudget.relativeSpectral(0.1)).build(), Attention.auto().build());
        for (int i = 0; i < 60; i++) {
            AttentionInput input = random(i % 2 == 0 ? 20 : 300, Attention.exact().build());
            if (i % 6 == 0) {
                input = input.withMask(Mask.causal().withWindow(1 + random.nextInt(250)));
            }
            ReferenceAttention reference = ReferenceAttention.of(input);
            for (AttentionMethod method : methods) {
                Tensor output = make.tensor(input.outputShape(), 1);
                Tensor sums = make.tensor(input.outputShape().withColumns(1), 1);
                method.apply(ENGINE, input, output, sums);
                String what = method.name() + ": " + input.mask() + " " + input.features();
                assertEquals(0, reference.maxDifference(output), 1e-4, what);
                assertEquals(0, reference.maxLogSumExpDifference(sums), 1e-4, what);
                Tensor alone = make.tensor(input.outputShape(), 1);
                method.apply(ENGINE, input, alone);
                assertArrayEquals(output.toArray(), alone.toArray(), what);
            }
        }
    }

    static List<AttentionMethod> methods() {
        return List.of(Attention.kdeformer().blockSize(32).samples(40).build(),
                Attention.hyper().blockSize(32).samples(40).minLength(100).build(), Attention.pilot().near(64).build(),
                Attention.pilot().near(64).unbiased(16).build(),
                Attention.pilot().near(64).peaked(16).build(), Attention.mean().build(),
                Attention.uniform().samples(50).build(), Attention.thinformer().build(), Attention.wildcat().build(),
                Attention.performer().build(), Attention.reformer().build(), Attention.scatterbrain().build());
    }

    /** What a sink leaves of a row is what the row's own log-sum-exp says, whatever the method. */
    @ParameterizedTest
    @MethodSource("methods")
    void rowsKeepTheirShare(AttentionMethod method) {
        for (int i = 0; i < 9; i++) {
            AttentionInput input = random(i % 3 == 0 ? 500 : 60, method);
            Tensor before = make.tensor(input.outputShape(), 1);
            Tensor sumsBefore = make.tensor(input.outputShape().withColumns(1), 1);
            Statistics plain = method.apply(ENGINE, input.withoutSinks(), before, sumsBefore);
            Tensor after = make.tensor(input.outputShape(), 1);
            Tensor sums = make.tensor(input.outputShape().withColumns(1), 1);
            assertEquals(plain, method.apply(ENGINE, input, after, sums));
            for (int b = 0; b < input.batch(); b++) {
                for (int h = 0; h < input.heads(); h++) {
                    double sink = input.sink(h);
                    for (int row = 0; row < input.queries(); row++) {
                        double logSum = sumsBefore.matrix(b, h).get(row, 0);
                        double most = Math.max(logSum, sink);
                        double whole = Math.exp(logSum - most) + Math.exp(sink - most);
                        double share = Math.exp(logSum - most) / whole;
                        double joined = most + Math.log(whole);
                        if (most == Double.NEGATIVE_INFINITY) {
                            share = 0;
                            joined = most;
                        }
                        for (int c = 0; c < input.dv(); c++) {
                            double was = before.matrix(b, h).get(row, c);
                            assertEquals(share * was, after.matrix(b, h).get(row, c), 1e-6 * Math.abs(was));
                        }
                        assertEquals(joined, sums.matrix(b, h).get(row, 0), 1e-6 * Math.max(1, Math.abs(joined)));
                    }
                }
            }
            for (int threads : new int[] {1, 7}) {
                try (Engine engine = Engine.create(threads)) {
                    Tensor again = make.tensor(input.outputShape(), 1);
                    method.apply(engine, input, again);
                    assertArrayEquals(after.toArray(), again.toArray());
                }
            }
        }
    }

    @Test
    void whatHasNoLogSumExpOrABoundRefuses() {
        AttentionInput input = make.normal(1, 2, 2, 5, 7, 4, 3).withSinks(0, 1);
        Tensor output = make.tensor(input.outputShape(), 1);
        float[] before = output.toArray();
        for (AttentionMethod method : List.of(Attention.nystrom().build(), Attention.provable().build())) {
            assertEquals("method " + method.name() + " takes no sinks; method exact does",
                    assertThrows(IllegalArgumentException.class, () -> method.apply(ENGINE, input, output))
                            .getMessage());
        }
        assertArrayEquals(before, output.toArray());
    }

    /**
     * Half of the queries see values that are large and alike, the others, with larger log-sum-exps, small values that
     * differ. Without sinks the error of the others is nothing beside the output; with one between the two it is all
     * that there is.
     */
    private AttentionInput twoPopulations(int n) {
        AttentionInput input = make.normal(1, 1, 1, n, n, 8, 4).withScale(0.5f);
        for (int i = 0; i < n; i++) {
            boolean large = i % 2 == 0;
            for (int c = 1; c < 8; c++) {
                float x = input.query().matrix(0, 0).get(i, c);
                input.query().matrix(0, 0).set(i, c, large ? 0.05f * x : 1.4f * x);
            }
            input.query().matrix(0, 0).set(i, 0, large ? 5 : -7);
            input.key().matrix(0, 0).set(i, 0, large ? 3 : -3);
            for (int c = 0; c < 4 && large; c++) {
                input.value().matrix(0, 0).set(i, c, 40);
            }
        }
        return input;
    }

    @Test
    void budgetsAreForTheRowsThatSinksLeave() {
        for (Mask mask : List.of(Mask.none(), Mask.causal())) {
            AttentionInput input = twoPopulations(mask.isCausal() ? 12_800 : 8192).withMask(mask);
            for (float sink : new float[] {-20, 17.5f}) {
                AttentionInput sunk = input.withSinks(sink);
                Tensor exact = make.zeros(input.outputShape());
                Attention.exact().build().apply(ENGINE, sunk, exact);
                Tensor output = make.zeros(input.outputShape());
                Statistics done = Attention.auto().build().apply(ENGINE, sunk, output);
                assertTrue(done.note().startsWith("took pilot"), done.note());
                double error = ErrorReport.of(ENGINE, output, exact).each().get(0).spectral();
                assertTrue(error <= 0.05 && done.error() <= 0.05, () -> sink + ": " + error + ", " + done);
            }
        }
    }

    @Test
    void certificatesSeeSinks() {
        AttentionInput input = make.normal(1, 2, 1, 600, 600, 8, 8).withSinks(6, -1);
        Tensor output = make.zeros(input.outputShape());
        Attention.kdeformer().blockSize(256).samples(512).build().apply(ENGINE, input, output);
        Certificate certificate = Certificate.of(ENGINE, input, output, 64, 1, 0.95);
        assertTrue(certificate.estimate() < 1e-5, certificate::toString);
    }

    @Test
    void partsWriteTheBitsOfTheWhole() {
        PilotAttention method = Attention.pilot().near(64).build();
        for (Mask mask : List.of(Mask.none(), Mask.causal(), Mask.none().withKeyLengths(0, 1500))) {
            AttentionInput input = make.normal(2, 2, 1, 1700, 1600, 8, 6).withMask(mask).withSinks(7, -2);
            Tensor whole = make.zeros(input.outputShape());
            Tensor sums = make.zeros(input.outputShape().withColumns(1));
            method.apply(ENGINE, input, whole, sums);
            PilotPlan plan = PilotPlan.of(method, ENGINE, input);
            PilotPlan read = PilotPlan.fromBytes(method, ENGINE, input, plan.toBytes());
            for (PilotPlan each : new PilotPlan[] {null, plan, read}) {
                Tensor output = make.zeros(input.outputShape());
                Tensor partSums = make.zeros(input.outputShape().withColumns(1));
                for (int part = 0; part < 5; part++) {
                    if (each == null) {
                        method.part(part, 5).apply(ENGINE, input, output, partSums);
                    } else {
                        method.part(part, 5).apply(ENGINE, each, output, partSums);
                    }
                }
                assertArrayEquals(whole.toArray(), output.toArray());
                assertArrayEquals(sums.toArray(), partSums.toArray());
            }
        }
    }

    @Test
    void halfPrecisionAndEstimates() {
        AttentionInput input = make.normal(1, 2, 1, 300, 310, 8, 6);
        Tensor half = Tensor.allocate(Arena.ofAuto(), input.outputShape(), Element.BFLOAT16);
        AttentionInput sunk = input.withSinks(5, 3);
        AttentionMethod method = Attention.pilot().near(320).build();
        method.apply(ENGINE, sunk, half);
        assertEquals(0, ReferenceAttention.of(sunk).maxDifference(half), 0.02);
        assertEquals(method.estimate(input, 2).scratchBytes() + 4 * 2 * 300,
                method.estimate(sunk, 2).scratchBytes());
    }
}
