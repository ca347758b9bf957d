package dev.kdeformer.cli.methods;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.Mask;
import dev.kdeformer.pilot.PilotAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a report says that a call ran with is what it ran with: the same options, spelled out, give the same bits. */
class ReportedOptionsTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(7);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    static Stream<MethodEntry<?>> methods() {
        return Methods.all().stream();
    }

    @ParameterizedTest
    @MethodSource("methods")
    void reportedOptionsGiveTheSameBits(MethodEntry<?> entry) {
        AttentionInput input = make.normal(1, 2, 1, 600, 700, 9, 7);
        int refused = 0;
        List<Mask> masks = List.of(Mask.none(), Mask.causal(), Mask.causalUpperLeft().withKeyLengths(650),
                Mask.none().withKeyLengths(333));
        for (Mask mask : masks) {
            for (AttentionMethod method : settings(entry)) {
                AttentionInput masked = input.withMask(mask);
                float[] output = output(method, masked);
                if (output == null) {
                    refused++;
                    continue;
                }
                Map<String, Object> reported = method.parameters(masked);
                assertArrayEquals(output, output(spelledOut(entry, reported), masked),
                        entry.name() + " with " + reported + " and " + mask);
            }
        }
        assertTrue(refused < masks.size() * settings(entry).size(), "all were refused");
    }

    /** The defaults, a number of evaluations, and a budget. */
    private static List<AttentionMethod> settings(MethodEntry<?> entry) {
        Stream.Builder<AttentionMethod> all = Stream.builder();
        all.add(entry.make(Allowance.NONE, 7, Map.of()));
        if (entry.takesEvaluations()) {
            all.add(entry.make(Allowance.evaluations(96), 7, Map.of()));
        }
        if (entry.takesErrorBudget()) {
            all.add(entry.make(Allowance.within(0.2), 7, Map.of()));
        }
        return all.build().toList();
    }

    /** The method with every reported option given explicitly, and another seed unless that is reported too. */
    private static AttentionMethod spelledOut(MethodEntry<?> entry, Map<String, Object> reported) {
        Allowance allowed = Allowance.NONE;
        long seed = 8;
        Map<String, String> options = new HashMap<>();
        for (Map.Entry<String, Object> each : reported.entrySet()) {
            String name = each.getKey().replaceAll("([A-Z])", "-$1").toLowerCase(java.util.Locale.ROOT);
            if (entry.has(name)) {
                String value = each.getValue().toString();
                options.put(name, value.equals("auto") ? "0" : value);
            } else {
                switch (name) {
                    case "columns" -> allowed = Allowance.evaluations((Integer) each.getValue());
                    case "budget" -> allowed = Allowance.within((Double) each.getValue());
                    case "seed" -> seed = (Long) each.getValue();
                    default -> throw new AssertionError(entry.name() + " reports '" + name + "', which is no option");
                }
            }
        }
        return entry.make(allowed, seed, options);
    }

    private float[] output(AttentionMethod method, AttentionInput input) {
        Tensor output = make.zeros(input.outputShape());
        try {
            method.apply(ENGINE, input, output);
        } catch (IllegalArgumentException e) {
            return null;
        }
        return output.toArray();
    }

    @Test
    void pilotLeavesOutWhatHasNoEffect() {
        AttentionInput input = make.normal(1, 1, 1, 900, 900, 6, 5);
        AttentionInput causal = input.withMask(Mask.causal());
        assertNoEffect(causal, "candidates", options -> options.candidates(1));
        assertNoEffect(causal, "rank", options -> options.rank(0));
        assertNoEffect(input, "span", options -> options.span(64));
        assertNoEffect(input, "tilt", options -> options.unbiased(9), options -> options.unbiased(9).tilt(0));
        AttentionInput long16 = make.normal(1, 1, 1, 8192, 8192, 16, 4).withScale(0.05f);
        UnaryOperator<PilotAttention.Builder> budget = options -> options.budget(ErrorBudget.relativeSpectral(0.3));
        for (AttentionInput each : List.of(long16, long16.withMask(Mask.causal()))) {
            assertNoEffect(each, "tile", budget,
                    options -> budget.apply(options).tile(16).near(3).span(64).candidates(9));
        }
        assertTrue(Attention.pilot().build().parameters(causal).containsKey("span"));
    }

    private void assertNoEffect(AttentionInput input, String name, UnaryOperator<PilotAttention.Builder> change) {
        assertNoEffect(input, name, options -> options, change);
    }

    private void assertNoEffect(AttentionInput input, String name, UnaryOperator<PilotAttention.Builder> base,
            UnaryOperator<PilotAttention.Builder> change) {
        PilotAttention first = base.apply(Attention.pilot()).build();
        PilotAttention second = change.apply(Attention.pilot()).build();
        assertFalse(second.parameters(input).containsKey(name), name + " in " + second.parameters(input));
        assertTrue(Arrays.equals(output(first, input), output(second, input)), name + " has an effect");
    }
}
