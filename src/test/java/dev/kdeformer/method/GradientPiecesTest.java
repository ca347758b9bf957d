package dev.kdeformer.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.Mask;
import dev.kdeformer.reference.GradientChecking;
import dev.kdeformer.reference.ReferenceGradient;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Gradients of approximate methods with packed sequences, padding and short windows. */
class GradientPiecesTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(41);
    private final SplittableRandom random = new SplittableRandom(23);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    private static List<DifferentiableMethod> exactly() {
        return List.of(Attention.kdeformer().blockSize(256).samples(64).build(), Attention.hyper().build(),
                Attention.pilot().near(320).build());
    }

    private static List<DifferentiableMethod> coarsely() {
        return List.of(Attention.kdeformer().blockSize(8).samples(9).build(),
                Attention.hyper().blockSize(7).samples(5).minLength(20).build(), Attention.pilot().near(8).build());
    }

    private Mask mask(int batch, int n, int m) {
        Mask mask = List.of(Mask.none(), Mask.causal(), Mask.causalUpperLeft()).get(random.nextInt(3));
        int which = 1 + random.nextInt(7);
        if ((which & 1) != 0) {
            mask = mask.withSequences(random.ints(5, 0, n + 1).sorted().toArray(),
                    random.ints(5, 0, m + 1).sorted().toArray());
        }
        if ((which & 2) != 0) {
            mask = mask.withQueryLengths(random.ints(batch, 0, n + 1).toArray());
        }
        if ((which & 4) != 0) {
            mask = mask.withKeyLengths(random.ints(batch, 0, m + 1).toArray());
        }
        return mask;
    }

    private AttentionInput random(int most) {
        int batch = 1 + random.nextInt(2);
        int kvHeads = 1 + random.nextInt(2);
        int n = 1 + random.nextInt(most);
        int m = 1 + random.nextInt(most);
        AttentionInput input = make.normal(batch, kvHeads * (1 + random.nextInt(2)), kvHeads, n, m,
                1 + random.nextInt(6), 1 + random.nextInt(6));
        if (random.nextInt(3) == 0) {
            input = input.withKeyBias(make.hiding(Shape.of(1, kvHeads, 1, m), m / 3, m / 2));
        }
        return input.withMask(mask(batch, n, m));
    }

    @Test
    void exactEffortsAreThoseOfTheReference() {
        for (int i = 0; i < 25; i++) {
            AttentionInput input = random(i % 2 == 0 ? 20 : 250);
            Mask window = random.nextBoolean() ? Mask.causal().withWindow(1 + random.nextInt(250))
                    : Mask.window(random.nextInt(100), random.nextInt(100));
            AttentionInput windowed = input.withMask(input.mask().hasSequences()
                    ? window.withSequences(0, Math.min(input.queries(), input.keys()) / 2,
                            Math.min(input.queries(), input.keys()))
                    : window.withQueryLengths(random.ints(input.batch(), 0, input.queries() + 1).toArray()));
            for (AttentionInput each : List.of(input, windowed)) {
                Tensor outputGradient = make.tensor(input.outputShape(), 1);
                ReferenceGradient exact = ReferenceGradient.of(each, outputGradient);
                for (DifferentiableMethod method : exactly()) {
                    GradientChecking found = GradientChecking.run(ENGINE, method, each, outputGradient);
                    found.assertClose(exact, 1e-4, method.name() + ": " + each.mask());
                }
            }
        }
    }

    @Test
    void gradientsAreThoseOfTheFixedFunction() {
        for (int i = 0; i < 8; i++) {
            AttentionInput input = random(45);
            for (DifferentiableMethod method : coarsely()) {
                GradientChecking.assertFollows(ENGINE, method, input, make.tensor(input.outputShape(), 1), 1e-4);
            }
        }
        AttentionInput longer = make.normal(1, 2, 1, 150, 160, 3, 2)
                .withMask(Mask.none().withSequences(new int[] {3, 80, 150}, new int[] {0, 90, 159}));
        for (DifferentiableMethod method : coarsely()) {
            GradientChecking.assertFollows(ENGINE, method, longer, make.tensor(longer.outputShape(), 1), 1e-4);
        }
    }

    @Test
    void bitsAreThoseOfEachSequenceAtAnyNumberOfThreads() {
        int[] starts = {0, 700, 701, 1500};
        AttentionInput all = make.normal(2, 2, 1, 1510, 1510, 8, 6);
        Tensor outputGradient = make.tensor(all.outputShape(), 1);
        for (Mask mask : List.of(Mask.none(), Mask.causal())) {
            AttentionInput packed = all.withMask(mask.withSequences(starts));
            for (DifferentiableMethod method : List.of(Attention.kdeformer().blockSize(64).samples(60).build(),
                    Attention.pilot().near(64).build())) {
                GradientChecking found = GradientChecking.run(ENGINE, method, packed, outputGradient);
                for (int threads : new int[] {1, 7}) {
                    try (Engine engine = Engine.create(threads)) {
                        found.assertSame(GradientChecking.run(engine, method, packed, outputGradient), method.name());
                    }
                }
                for (int s = 0; s + 1 < starts.length; s++) {
                    int rows = starts[s + 1] - starts[s];
                    AttentionInput one = AttentionInput.of(all.query().rows(starts[s], rows),
                            all.key().rows(starts[s], rows), all.value().rows(starts[s], rows)).withMask(mask);
                    GradientChecking alone = GradientChecking.run(ENGINE, method, one,
                            outputGradient.rows(starts[s], rows));
                    assertArrayEquals(alone.query().toArray(), found.query().rows(starts[s], rows).toArray());
                    assertArrayEquals(alone.key().toArray(), found.key().rows(starts[s], rows).toArray());
                    assertArrayEquals(alone.value().toArray(), found.value().rows(starts[s], rows).toArray());
                }
                for (Tensor each : List.of(found.query(), found.key(), found.value())) {
                    assertArrayEquals(new float[(int) each.rows(1500, 10).shape().elements()],
                            each.rows(1500, 10).toArray());
                }
            }
        }
    }

    @Test
    void longWindowsAreRefused() {
        AttentionInput input = make.normal(1, 1, 1, 900, 900, 4, 4).withMask(Mask.causal().withWindow(500));
        Tensor like = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        for (DifferentiableMethod method : coarsely()) {
            String message = assertThrows(IllegalArgumentException.class, () -> method.gradient().apply(ENGINE, input,
                    like, sums, make.zeros(like.shape()), InputGradients.allocate(Arena.ofAuto(),
                            input))).getMessage();
            assertTrue(message.startsWith("method " + method.name() + " takes windows of at most "), message);
        }
    }
}
