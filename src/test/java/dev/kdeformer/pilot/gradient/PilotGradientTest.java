package dev.kdeformer.pilot.gradient;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.InputGradients;
import dev.kdeformer.Mask;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.pilot.PilotAttention;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.SharedKeys;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.walk.PilotHead;
import dev.kdeformer.reference.GradientChecking;
import dev.kdeformer.reference.ReferenceGradient;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PilotGradientTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(41);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    static List<PilotAttention.Builder> methods() {
        return List.of(Attention.pilot().tile(2).near(5).candidates(1).groups(4).rank(2).tilt(3),
                Attention.pilot().tile(4).near(7).candidates(2).groups(8).rank(0),
                Attention.pilot().tile(30).near(9).groups(3).rank(1).tilt(0),
                Attention.pilot().tile(3).near(4).candidates(1).groups(1).rank(4).tilt(10));
    }

    @ParameterizedTest
    @MethodSource("methods")
    void followFiniteDifferencesWithTheWalkHeldFixed(PilotAttention.Builder builder) {
        PilotAttention method = builder.build();
        for (AttentionInput input : List.of(make.normal(1, 2, 1, 60, 90, 4, 3), make.normal(2, 2, 2, 33, 70, 3, 2)
                .withScale(0.8f).withMask(Mask.none().withKeyLengths(70, 51))
                .withKeyBias(make.hiding(Shape.of(1, 2, 1, 70), 4, 20)))) {
            GradientChecking.assertFollows(ENGINE, method, input, make.tensor(input.outputShape(), 1), 3e-4);
        }
    }

    /** Logits that vary by several units over a tile, where the second order of the expansion is damped. */
    @ParameterizedTest
    @MethodSource("methods")
    void followFiniteDifferencesWhereTheExpansionIsDamped(PilotAttention.Builder builder) {
        AttentionInput input = make.normal(1, 1, 1, 60, 90, 4, 3).withScale(2);
        GradientChecking.assertFollows(ENGINE, builder.build(), input, make.tensor(input.outputShape(), 1), 2e-3);
    }

    @Test
    void stragglersHaveTheGradientsOfExactAttention() {
        AttentionInput input = make.normal(2, 2, 1, 60, 90, 4, 3).withMask(Mask.none().withKeyLengths(90, 61))
                .withKeyBias(make.hiding(Shape.of(1, 1, 1, 90), 4, 20));
        for (int b = 0; b < 2; b++) {
            for (int h = 0; h < 2; h++) {
                for (int c = 0; c < 4; c++) {
                    input.query().matrix(b, h).set(17 * b + h, c, 6 - c);
                    input.query().matrix(b, h).set(50 + h, c, c - 5);
                }
            }
        }
        PilotAttention method = Attention.pilot().tile(16).near(12).candidates(1).groups(4).build();
        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        GradientChecking.assertFollows(ENGINE, method, input, outputGradient, 3e-4);
        GradientChecking found = GradientChecking.run(ENGINE, method, input, outputGradient);
        ReferenceGradient exact = ReferenceGradient.of(input, outputGradient);
        for (int head = 0; head < 4; head++) {
            int row = 50 + head % 2;
            for (int c = 0; c < 4; c++) {
                assertEquals(exact.query()[head][row * 4 + c],
                        found.query().matrix(head / 2, head % 2).get(row, c), 1e-5);
            }
        }
    }

    @Test
    void keysAreFoldedOnSeveralLevels() {
        AttentionInput input = make.normal(1, 1, 1, 60, 90, 4, 3);
        Team crew = Crews.begin(ENGINE);
        try {
            // The first of the methods.
            PilotOptions options = new PilotOptions(new PilotOptions.Spending(5, 1, 0),
                    new PilotOptions.Expansion(4, 2, 3), new PilotOptions.Cuts(2, 256),
                    new PilotOptions.Draws(0, 0, 0), new PilotOptions.Promise(null, null, false));
            KeyHead head = new Call(input, make.zeros(input.outputShape()), null, crew).keyHead(0);
            List<WalkRecord.Leaf> leaves = new ArrayList<>();
            SharedKeys.<KeyGroups>forEach(head, input.scale(), 4, Function.identity(), (member, queries, keys) -> {
                PilotHead pilot = new PilotHead(head, member, options, keys, queries, crew);
                WalkRecord record = new WalkRecord(pilot);
                pilot.visit(pilot.fixedPass(input, crew).effort(), 1, crew, (share, scratch) -> record);
                leaves.addAll(record.leaves());
            }, crew);
            int deepest = 0;
            for (WalkRecord.Leaf leaf : leaves) {
                deepest = Math.max(deepest,
                        (int) leaf.steps().stream().filter(step -> step.folded().length > 0).count());
            }
            assertTrue(deepest >= 2, "the gradient test needs keys that are folded above the leaves");
        } finally {
            Crews.end(ENGINE, crew);
        }
    }

    @Test
    void allKeysNearIsTheExactGradient() {
        for (TestInputs.Case each : TestInputs.unmasked(23)) {
            AttentionInput input = each.input();
            Tensor outputGradient = make.tensor(input.outputShape(), 1);
            GradientChecking.run(ENGINE, Attention.pilot().near(600).build(), input, outputGradient).assertClose(
                    ReferenceGradient.of(input, outputGradient), 2e-5 + 1e-6 * TestInputs.largestLogit(input),
                    each.name());
        }
    }

    @Test
    void theErrorFallsWithTheBudget() {
        AttentionInput input = make.normal(1, 2, 1, 600, 700, 12, 8).withScale(0.25f);
        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        ReferenceGradient exact = ReferenceGradient.of(input, outputGradient);
        double last = Double.POSITIVE_INFINITY;
        for (int near : new int[] {16, 100, 300, 600}) {
            PilotAttention method = Attention.pilot().tile(64).near(near).build();
            double error = GradientChecking.run(ENGINE, method, input, outputGradient).error(exact);
            assertTrue(error < 0.8 * last, near + " near keys: " + error + " after " + last);
            last = error;
        }
        assertTrue(last < 0.2, "error " + last);
    }

    @Test
    void bitsDoNotDependOnThreads() {
        for (AttentionInput input : List.of(make.normal(1, 2, 1, 1500, 900, 8, 6),
                make.normal(3, 6, 6, 100, 130, 5, 4))) {
            Tensor outputGradient = make.tensor(input.outputShape(), 1);
            PilotAttention method = Attention.pilot().near(16).candidates(1).tile(16).build();
            GradientChecking first = null;
            for (int threads : new int[] {1, 2, 7}) {
                try (Engine engine = Engine.create(threads)) {
                    GradientChecking g = GradientChecking.run(engine, method, input, outputGradient);
                    if (first != null) {
                        first.assertSame(g, threads + " threads");
                    }
                    first = g;
                }
            }
        }
    }

    @Test
    void whatIsHiddenGetsZeros() {
        AttentionInput input = make.normal(1, 2, 1, 50, 100, 4, 3).withMask(Mask.none().withKeyLengths(70));
        GradientChecking g = GradientChecking.run(ENGINE, Attention.pilot().near(8).tile(8).build(), input,
                make.tensor(input.outputShape(), 1));
        assertArrayEquals(new float[30 * 4], g.key().rows(70, 30).matrix(0, 0).toArray());
        assertArrayEquals(new float[30 * 3], g.value().rows(70, 30).matrix(0, 0).toArray());
        AttentionInput nothing = input.withMask(Mask.none().withKeyLengths(0));
        GradientChecking zero = GradientChecking.run(ENGINE, Attention.pilot().build(), nothing,
                make.tensor(input.outputShape(), 1));
        Matrix query = zero.query().matrix(0, 1);
        assertArrayEquals(new float[50 * 4], query.toArray());
    }

    @Test
    void scratchMemoryIsAsEstimated() {
        AttentionInput input = make.normal(1, 1, 1, 3000, 40_000, 8, 8);
        PilotAttention method = Attention.pilot().build();
        try (Engine engine = Engine.create(1)) {
            Tensor output = make.zeros(input.outputShape());
            method.gradient().apply(engine, input, output, make.zeros(output.shape().withColumns(1)),
                    make.zeros(output.shape()), new InputGradients(make.zeros(input.query().shape()),
                    make.zeros(input.key().shape()), make.zeros(input.value().shape())));
            long estimate = method.gradient().estimate(input, 1).scratchBytes();
            assertTrue(engine.scratchBytes() <= 2 * estimate + (2 << 20),
                    engine.scratchBytes() + " bytes, estimate " + estimate);
        }
    }

    @Test
    void refusesWhatIsNoFixedFunction() {
        IllegalStateException e = assertThrows(IllegalStateException.class, () -> Attention.pilot()
                .budget(ErrorBudget.relativeSpectral(0.1)).build().gradient());
        assertEquals("pilot attention has gradients at a fixed cost only, without an error budget", e.getMessage());
        assertThrows(IllegalStateException.class, () -> Attention.pilot().unbiased(16).build().gradient());
    }
}
