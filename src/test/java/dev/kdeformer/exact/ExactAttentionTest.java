package dev.kdeformer.exact;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.reference.PlainFloatAttention;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ExactAttentionTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(99);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    static List<TestInputs.Case> cases() {
        return Stream.concat(TestInputs.all(7).stream(), TestInputs.windows(8).stream()).toList();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void isAtMostTwiceAsFarFromTheReferenceAsPlainFloat(TestInputs.Case each) {
        AttentionInput input = each.input();
        ReferenceAttention reference = ReferenceAttention.of(input);
        Tensor plain = make.zeros(input.outputShape());
        Tensor plainSums = make.zeros(input.outputShape().withColumns(1));
        PlainFloatAttention.apply(input, plain, plainSums);
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));

        Attention.exact().build().apply(ENGINE, input, output, sums);

        double logit = TestInputs.largestLogit(input);
        // Values of both signs may cancel to any degree, which magnifies every rounding: the floor is in units of what
        // the sum would be without cancellation.
        double cancelled = cancellation(input, reference);
        double error = reference.spectralError(output);
        assertTrue(error <= Math.max(2 * reference.spectralError(plain), 1.5e-7 * cancelled),
                () -> "error " + error + ", plain float " + reference.spectralError(plain));
        if (logit < 50) {
            assertTrue(error <= 2e-6 * cancelled, () -> "error " + error + " with logits to " + logit);
        }
        assertTrue(reference.maxLogSumExpDifference(sums)
                <= 2 * reference.maxLogSumExpDifference(plainSums) + 1e-6 * (1 + logit),
                () -> "log-sum-exp off by " + reference.maxLogSumExpDifference(sums));
    }

    private double cancellation(AttentionInput input, ReferenceAttention reference) {
        Tensor magnitudes = make.zeros(input.value().shape());
        double largest = 1;
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.kvHeads(); h++) {
                for (int j = 0; j < input.keys(); j++) {
                    for (int c = 0; c < input.dv(); c++) {
                        magnitudes.matrix(b, h).set(j, c, Math.abs(input.value().matrix(b, h).get(j, c)));
                    }
                }
            }
        }
        AttentionInput positive = AttentionInput.of(input.query(), input.key(), magnitudes)
                .withScale(input.scale()).withMask(input.mask());
        positive = input.keyBias() == null ? positive : positive.withKeyBias(input.keyBias());
        ReferenceAttention sums = ReferenceAttention.of(positive);
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                double norm = norm(reference.output(b, h));
                double uncancelled = norm(sums.output(b, h));
                largest = norm == 0 ? largest : Math.max(largest, uncancelled / norm);
            }
        }
        return largest;
    }

    private static double norm(double[] x) {
        double sum = 0;
        for (double each : x) {
            sum += each * each;
        }
        return Math.sqrt(sum);
    }

    @Test
    void logitsThatGrowAlongTheKeysAreRescaled() {
        AttentionInput input = make.normal(1, 1, 1, 100, 1500, 8, 8);
        for (int j = 0; j < 1500; j++) {
            for (int c = 0; c < 8; c++) {
                input.key().matrix(0, 0).set(j, c, j * 0.02f);
                for (int i = 0; i < 100 && j == 0; i++) {
                    input.query().matrix(0, 0).set(i, c, i % 2 == 0 ? 1 + i * 0.1f : -1);
                }
            }
        }
        ReferenceAttention reference = ReferenceAttention.of(input);
        Tensor output = make.zeros(input.outputShape());
        Attention.exact().build().apply(ENGINE, input, output);
        assertEquals(0, reference.maxDifference(output), 1e-4);
    }

    @Test
    void featuresBeyondOneBlockAreSummed() {
        AttentionInput input = make.normal(1, 1, 1, 33, 140, 601, 530);
        ReferenceAttention reference = ReferenceAttention.of(input);
        Tensor output = make.zeros(input.outputShape());
        Attention.exact().build().apply(ENGINE, input, output);
        assertEquals(0, reference.spectralError(output), 1e-6);
    }

    @Test
    void bitsDoNotDependOnThreads() {
        // Large logits that differ much make rows rescale their sums, each at its own keys.
        AttentionInput large = make.normal(1, 2, 1, 300, 900, 50, 9).withScale(1.5f);
        for (AttentionInput input : List.of(make.normal(1, 1, 1, 1000, 700, 20, 30), large, large.withScale(60_000),
                large.withMask(Mask.causal()), make.normal(2, 6, 3, 130, 200, 16, 16).withMask(Mask.causal()))) {
            float[] first = null;
            for (int threads : new int[] {1, 2, 7}) {
                try (Engine engine = Engine.create(threads)) {
                    Tensor output = make.zeros(input.outputShape());
                    Attention.exact().build().apply(engine, input, output);
                    float[] bits = output.toArray();
                    if (first != null) {
                        assertArrayEquals(first, bits, threads + " threads");
                    }
                    first = bits;
                }
            }
        }
    }

    @Test
    void worksOnAnExecutorOfTheCallerThatRejectsOrIsBusy() {
        AttentionInput input = make.normal(1, 2, 2, 300, 200, 16, 16);
        Tensor expected = make.zeros(input.outputShape());
        Attention.exact().build().apply(ENGINE, input, expected);
        try (Engine rejecting = Engine.create(4, task -> {
            throw new RejectedExecutionException("full");
        }); Engine busy = Engine.create(4, task -> { })) {
            for (Engine engine : List.of(rejecting, busy)) {
                Tensor output = make.zeros(input.outputShape());
                Attention.exact().build().apply(engine, input, output);
                assertArrayEquals(expected.toArray(), output.toArray());
            }
        }
    }

    @Test
    void anInterruptEndsTheCallAndLeavesTheEngineUsable() {
        AttentionInput input = make.normal(1, 1, 1, 500, 500, 8, 8);
        Tensor output = make.zeros(input.outputShape());
        Thread.currentThread().interrupt();
        Assertions.assertThrows(CancellationException.class,
                () -> Attention.exact().build().apply(ENGINE, input, output));
        assertTrue(Thread.interrupted());
        Attention.exact().build().apply(ENGINE, input, output);
        assertEquals(0, ReferenceAttention.of(input).maxDifference(output), 1e-5);
    }

    @Test
    void anInterruptEndsTheHelpersLongTasksToo() {
        // Eight heads, one to a task: without a check inside, each would run for seconds.
        AttentionInput input = make.normal(1, 8, 8, 6000, 6000, 64, 64);
        Tensor output = make.zeros(input.outputShape());
        Throwable[] thrown = new Throwable[1];
        try (Engine engine = Engine.create(2)) {
            Thread caller = new Thread(() -> {
                try {
                    Attention.exact().build().apply(engine, input, output);
                } catch (CancellationException e) {
                    thrown[0] = e;
                }
            });
            caller.start();
            while (engine.progress() == 0 && caller.isAlive()) {
                Thread.onSpinWait();
            }
            caller.interrupt();
            double furthest = 0;
            while (caller.isAlive()) {
                furthest = Math.max(furthest, engine.progress());
            }
            assertTrue(thrown[0] instanceof CancellationException);
            assertTrue(furthest < 0.9, "stopped at " + furthest);
        }
    }

    @Test
    void countsTheKeysThatAreVisible() {
        AttentionInput input = make.normal(1, 1, 1, 4, 6, 3, 3);
        Tensor output = make.zeros(Shape.of(4, 3));
        assertEquals(6, Attention.exact().build().apply(ENGINE, input, output).columns());
        assertEquals(4.5, Attention.exact().build().apply(ENGINE, input.withMask(Mask.causal()), output).columns());
        assertEquals(2.5,
                Attention.exact().build().apply(ENGINE, input.withMask(Mask.causalUpperLeft()), output).columns());
        assertEquals(2, Attention.exact().build()
                .apply(ENGINE, input.withMask(Mask.causal().withWindow(2)), output).columns());
        assertEquals(1.75, Attention.exact().build()
                .apply(ENGINE, input.withMask(Mask.causalUpperLeft().withWindow(2)), output).columns());
        AttentionInput wide = make.normal(1, 1, 1, 5000, 5000, 4, 4).withMask(Mask.causal().withWindow(10));
        assertEquals(2.0 * 10 * 8 * 5000, Attention.exact().build().estimate(wide, 1).operations(), 8000);
    }
}
