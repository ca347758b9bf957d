package dev.kdeformer.pilot.gradient;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.method.Call;
import dev.kdeformer.pilot.PilotAttention;
import dev.kdeformer.pilot.causal.CausalWalk;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.reference.GradientChecking;
import dev.kdeformer.reference.ReferenceGradient;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class CausalGradientTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(43);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    static List<PilotAttention.Builder> methods() {
        return List.of(Attention.pilot().near(5).groups(4).tilt(3).span(16),
                Attention.pilot().near(40).groups(7).tilt(0).span(32).tile(8),
                Attention.pilot().near(1).groups(1).tilt(9).span(20).tile(10));
    }

    @ParameterizedTest
    @MethodSource("methods")
    void followFiniteDifferencesWithTheChoicesHeldFixed(PilotAttention.Builder builder) {
        PilotAttention method = builder.build();
        // A span approximates 256 keys and more, so the queries lie far down in the keys; the last input has both kinds
        // of spans, and keys of which some are hidden.
        for (AttentionInput input : List.of(
                make.normal(1, 2, 1, 24, 300, 4, 3).withMask(Mask.causal()),
                make.normal(2, 1, 1, 21, 310, 3, 2).withScale(0.8f).withMask(Mask.causal().withKeyLengths(310, 270)),
                make.normal(1, 1, 1, 70, 300, 3, 2).withMask(Mask.causal())
                        .withKeyBias(make.hiding(Shape.of(1, 1, 1, 300), 4, 20)))) {
            assertTrue(spans(input, method) > 0, "no span meets approximated keys");
            GradientChecking.assertFollows(ENGINE, method, input, make.tensor(input.outputShape(), 1), 3e-4);
        }
    }

    private static int spans(AttentionInput input, PilotAttention method) {
        Team team = Crews.begin(ENGINE);
        try {
            int[] spans = new int[1];
            int span = (int) method.parameters(input).get("span");
            PilotOptions options = new PilotOptions(new PilotOptions.Spending(5, 1, 0),
                    new PilotOptions.Expansion(4, 2, 3), new PilotOptions.Cuts(span, span),
                    new PilotOptions.Draws(0, 0, 0), null);
            Call call = new Call(input.withHiddenKeys(), TestInputs.of(1).zeros(input.outputShape()), null, team);
            CausalWalk.forEach(Unit.of(call, 0, options, team), (member, walk) -> spans[0] = walk.spans());
            return spans[0];
        } finally {
            Crews.end(ENGINE, team);
        }
    }

    @Test
    void allKeysNearIsTheExactGradient() {
        for (AttentionInput input : List.of(
                make.normal(1, 4, 2, 600, 600, 12, 9).withMask(Mask.causal()),
                make.normal(2, 1, 1, 130, 700, 8, 5).withMask(Mask.causal().withKeyLengths(700, 411)),
                make.normal(1, 1, 1, 70, 40, 8, 5).withMask(Mask.causal()),
                make.normal(1, 1, 1, 40, 70, 8, 5).withMask(Mask.causal().withKeyLengths(0)))) {
            Tensor outputGradient = make.tensor(input.outputShape(), 1);
            GradientChecking.run(ENGINE, Attention.pilot().near(800).build(), input, outputGradient).assertClose(
                    ReferenceGradient.of(input, outputGradient), 2e-5, input.toString());
        }
    }

    @Test
    void theErrorFallsWithTheNearKeys() {
        AttentionInput input = make.normal(1, 2, 1, 1500, 1500, 12, 8).withScale(0.15f).withMask(Mask.causal());
        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        ReferenceGradient exact = ReferenceGradient.of(input, outputGradient);
        double last = Double.POSITIVE_INFINITY;
        for (int near : new int[] {4, 32, 128}) {
            PilotAttention method = Attention.pilot().near(near).build();
            double error = GradientChecking.run(ENGINE, method, input, outputGradient).error(exact);
            assertTrue(error < 0.95 * last, near + " near keys: " + error + " after " + last);
            last = error;
        }
        assertTrue(last < 0.3, "error " + last);
    }

    @Test
    void bitsDoNotDependOnThreads() {
        for (AttentionInput input : List.of(make.normal(1, 4, 2, 1300, 1300, 8, 6).withMask(Mask.causal()),
                make.normal(3, 2, 2, 100, 430, 5, 4).withMask(Mask.causal()))) {
            Tensor outputGradient = make.tensor(input.outputShape(), 1);
            PilotAttention method = Attention.pilot().near(16).span(64).tile(16).build();
            GradientChecking first = null;
            for (int threads : new int[] {1, 2, 7}) {
                try (Engine engine = Engine.create(threads)) {
                    GradientChecking run = GradientChecking.run(engine, method, input, outputGradient);
                    first = first == null ? run : first;
                    first.assertSame(run, threads + " threads");
                }
            }
        }
    }
}
