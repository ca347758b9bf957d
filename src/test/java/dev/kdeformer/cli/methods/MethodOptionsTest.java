package dev.kdeformer.cli.methods;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Mask;
import dev.kdeformer.cli.Outcome;
import dev.kdeformer.cli.console.UsageError;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class MethodOptionsTest {
    /** A builder that writes down what it is told. */
    private static final class Recorder {
        private final List<String> calls = new ArrayList<>();

        void say(String name, Object value) {
            if (value.equals(13)) {
                throw new IllegalArgumentException(name + " must not be 13, got 13");
            }
            calls.add(name + " " + value);
        }

        AttentionMethod build() {
            calls.add("build");
            return Attention.exact().build();
        }
    }

    private static MethodEntry<Recorder> entry(Recorder recorder) {
        return new MethodEntry<>("test", "", "", () -> recorder, Recorder::build)
                .seed((r, v) -> r.say("seed", v))
                .evaluations((r, v) -> r.say("evaluations", v))
                .whole("block", "", "", (r, v) -> r.say("block", v))
                .real("weight", "", "", (r, v) -> r.say("weight", v))
                .flag("fast", "", "", (r, v) -> r.say("fast", v))
                .choice("rule", "", "", Mask.Causality.class, (r, v) -> r.say("rule", v));
    }

    private static List<String> calls(Allowance allowed, Map<String, String> options) {
        Recorder recorder = new Recorder();
        entry(recorder).make(allowed, 5, options);
        return recorder.calls;
    }

    private static void refuses(String option, String value, String message) {
        assertEquals(message, assertThrows(UsageError.class,
                () -> calls(Allowance.NONE, Map.of(option, value))).getMessage());
    }

    @Test
    void optionsReachTheBuilder() {
        assertEquals(List.of("seed 5", "build"), calls(Allowance.NONE, Map.of()));
        assertEquals(List.of("seed 5", "evaluations 64", "block 7", "build"),
                calls(Allowance.evaluations(64), Map.of("block", "7")));
        assertEquals(List.of("seed 5", "weight 0.25", "build"), calls(Allowance.NONE, Map.of("weight", "0.25")));
        assertEquals(List.of("seed 5", "fast true", "build"), calls(Allowance.NONE, Map.of("fast", "true")));
        assertEquals(List.of("seed 5", "rule LOWER_RIGHT", "build"),
                calls(Allowance.NONE, Map.of("rule", "lower-right")));
    }

    @Test
    void badValuesNameTheOption() {
        refuses("block", "2.5", "option test.block must be a whole number, got '2.5'");
        refuses("block", "", "option test.block must be a whole number, got ''");
        refuses("block", "99999999999", "option test.block must be a whole number, got '99999999999'");
        refuses("weight", "NaN", "option test.weight must be a number, got 'NaN'");
        refuses("weight", "1e999", "option test.weight must be a number, got '1e999'");
        refuses("fast", "yes", "option test.fast must be true or false, got 'yes'");
        refuses("rule", "NONE", "option test.rule must be none or lower-right or upper-left or offset, got 'NONE'");
        refuses("block", "13", "method test: block must not be 13, got 13");
    }

    @Test
    void anOptionCannotBeDeclaredTwice() {
        assertThrows(IllegalStateException.class,
                () -> entry(new Recorder()).whole("block", "", "", (r, v) -> r.say("again", v)));
    }

    @Test
    void everyMethodIsListedMakesItselfAndTellsItsName() {
        String listed = Outcome.of("methods").succeeds().out();
        Set<String> names = new HashSet<>();
        for (MethodEntry<?> method : Methods.all()) {
            assertTrue(names.add(method.name()), "twice: " + method.name());
            assertTrue(listed.contains(" " + method.name() + " "), method.name());
            assertEquals(method.name(), method.make(Allowance.NONE, 1, Map.of()).name());
            assertFalse(method.description().isEmpty() || method.source().isEmpty(), method.name());
            method.options().forEach(option -> assertTrue(listed.contains(method.name() + "." + option.name())));
        }
        assertEquals("exact", Methods.all().get(0).name());
    }
}
