package dev.kdeformer.kdeformer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.Mask;
import dev.kdeformer.method.Call;
import dev.kdeformer.reference.GradientChecking;
import dev.kdeformer.reference.ReferenceGradient;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SampledGradientTest {
    private static final Engine ENGINE = Engine.create(2);
    private static final List<TestInputs.Case> CASES = TestInputs.all(17);
    private final TestInputs make = TestInputs.of(77);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    /** Settings, and the public method that has them. */
    record Variant(String name, BlockSampling settings, DifferentiableMethod method) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Variant variant(int block, int samples, KeyWeights weights, Draws draws) {
        return new Variant("kdeformer " + weights + " " + draws,
                new BlockSampling(block, samples, 7, 3, weights, draws, 0), Attention.kdeformer().blockSize(block)
                        .samples(samples).weights(weights).draws(draws).seed(3).build());
    }

    static List<Variant> variants() {
        List<Variant> variants = new ArrayList<>();
        for (KeyWeights weights : KeyWeights.values()) {
            for (Draws draws : Draws.values()) {
                variants.add(variant(8, 9, weights, draws));
            }
        }
        variants.add(new Variant("hyper", new BlockSampling(7, 5, 7, 2, KeyWeights.UNIFORM, Draws.WITH_REPLACEMENT, 40),
                Attention.hyper().blockSize(7).samples(5).minLength(40).seed(2).build()));
        return variants;
    }

    /** What each pair of a query and a key adds to its logit: 0 in blocks, log-weights of samples, −∞ elsewhere. */
    private double[][] pairBias(BlockSampling settings, AttentionInput input) {
        double[][] bias = new double[input.batch() * input.heads()][input.queries() * input.keys()];
        for (double[] each : bias) {
            Arrays.fill(each, settings.isExact(input) ? 0 : Double.NEGATIVE_INFINITY);
        }
        if (settings.isExact(input)) {
            return bias;
        }
        Team crew = Crews.begin(ENGINE);
        try {
            Call call = new Call(input, make.zeros(input.outputShape()), null, crew);
            for (int unit = 0; unit < call.keyHeads(); unit++) {
                HashedHead head = new HashedHead(settings, call, unit, crew);
                double[][] members = Arrays.copyOfRange(bias, unit * input.groupSize(),
                        (unit + 1) * input.groupSize());
                if (input.mask().isCausal()) {
                    CausalSplit split = settings.split(input, head.keyHead().keys());
                    for (List<CausalSplit.Part> level : split.levels()) {
                        for (CausalSplit.Part part : level) {
                            rectangle(head, part, members, input.keys(), crew);
                        }
                    }
                    for (CausalSplit.Part part : split.triangles()) {
                        for (double[] member : members) {
                            for (int i = part.queryFrom(); i < part.queryTo(); i++) {
                                Arrays.fill(member, i * input.keys() + part.keyFrom(),
                                        i * input.keys() + part.keyTo(), 0);
                            }
                        }
                    }
                } else {
                    rectangle(head, new CausalSplit.Part(0, input.queries(), 0, head.keyHead().keys(), 0), members,
                            input.keys(), crew);
                }
            }
        } finally {
            Crews.end(ENGINE, crew);
        }
        return bias;
    }

    private static void rectangle(HashedHead head, CausalSplit.Part part, double[][] members, int keys, Team crew) {
        BlockChoice choice = new BlockChoice(head, part.queryFrom(), part.queryTo(), part.keyFrom(), part.keyTo(),
                part.index(), crew);
        for (int member = 0; member < members.length; member++) {
            for (int block = 0; block < choice.blocks().count(); block++) {
                for (int p = choice.blocks().queryFrom(block); p < choice.blocks().queryFrom(block + 1); p++) {
                    int row = Memory.getInt(choice.queryOrder(member) + p * 4L) * keys;
                    KeySample sample = choice.sample();
                    for (int e = 0; sample != null && e < sample.count(); e++) {
                        members[member][row + Memory.getInt(choice.keyOrder() + sample.position(e) * 4L)]
                                = sample.logWeight(e);
                    }
                    for (int k = choice.blocks().keyFrom(block); k < choice.blocks().keyFrom(block + 1); k++) {
                        members[member][row + Memory.getInt(choice.keyOrder() + k * 4L)] = 0;
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void areThoseOfTheFixedChoiceForEveryShapeAndMask(Variant variant) {
        int sparse = 0;
        for (TestInputs.Case each : CASES) {
            AttentionInput input = each.input();
            Tensor outputGradient = make.tensor(input.outputShape(), 1);
            double[][] bias = pairBias(variant.settings, input);
            sparse += variant.settings.isExact(input) ? 0 : 1;
            ReferenceGradient exact = ReferenceGradient.of(input, outputGradient, bias);
            GradientChecking g = GradientChecking.run(ENGINE, variant.method, input, outputGradient);
            double tolerance = 2e-5 + 1e-6 * TestInputs.largestLogit(input);
            for (int h = 0; h < input.batch() * input.heads(); h++) {
                for (int i = 0; i < input.queries(); i += 7) {
                    double[] o = exact.output(h / input.heads(), h % input.heads(), i);
                    for (int c = 0; c < o.length; c++) {
                        assertEquals(o[c], g.output().matrix(h / input.heads(), h % input.heads()).get(i, c),
                                10 * tolerance, each.name() + ": the forward call met other keys");
                    }
                }
            }
            g.assertClose(exact, tolerance, each.name());
        }
        assertTrue(sparse > 20, "only " + sparse + " inputs were approximated");
    }

    @ParameterizedTest
    @MethodSource("variants")
    void followFiniteDifferencesOfTheFixedChoice(Variant variant) {
        for (Mask mask : List.of(Mask.none().withKeyLengths(37), Mask.causal())) {
            AttentionInput input = make.normal(1, 2, 1, 30, 41, 3, 2).withMask(mask)
                    .withKeyBias(make.hiding(Shape.of(1, 1, 1, 41), 3, 9));
            Tensor outputGradient = make.tensor(input.outputShape(), 1);
            GradientChecking.assertFollows(ENGINE, variant.method, input, outputGradient, 1e-5);
            ReferenceGradient exact = ReferenceGradient.of(input, outputGradient, pairBias(variant.settings, input));
            GradientChecking g = GradientChecking.run(ENGINE, variant.method, input, outputGradient);
            GradientChecking.assertFollows(GradientChecking.differences(exact::loss, exact.keys(), 1e-5),
                    exact.key(), g.key(), "dKey");
        }
    }

    @Test
    void blocksSharesAndPiecesAreAllAdded() {
        // More blocks than shares, pieces beyond a full set, several tiles of samples; then blocks of many pieces.
        for (AttentionInput input : List.of(make.normal(1, 2, 1, 900, 1100, 6, 5),
                make.normal(1, 1, 1, 4000, 260, 4, 3),
                make.normal(1, 2, 1, 900, 1100, 6, 5).withMask(Mask.causalUpperLeft()))) {
            for (Variant variant : List.of(variant(11, 250, KeyWeights.VALUE_NORM, Draws.STRATIFIED),
                    variant(120, 17, KeyWeights.UNIFORM, Draws.WITH_REPLACEMENT))) {
                Tensor outputGradient = make.tensor(input.outputShape(), 1);
                ReferenceGradient exact = ReferenceGradient.of(input, outputGradient,
                        pairBias(variant.settings, input));
                GradientChecking.run(ENGINE, variant.method, input, outputGradient).assertClose(exact, 2e-5,
                        variant.name());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void bitsDoNotDependOnThreads(Variant variant) {
        for (AttentionInput input : List.of(make.normal(1, 2, 1, 700, 600, 6, 5),
                make.normal(3, 12, 6, 100, 130, 5, 4),
                make.normal(2, 2, 1, 700, 600, 6, 5).withMask(Mask.causal()))) {
            Tensor outputGradient = make.tensor(input.outputShape(), 1);
            GradientChecking first = null;
            for (int threads : new int[] {1, 2, 7}) {
                try (Engine engine = Engine.create(threads)) {
                    GradientChecking g = GradientChecking.run(engine, variant.method, input, outputGradient);
                    if (first != null) {
                        first.assertSame(g, threads + " threads");
                    }
                    first = g;
                }
            }
        }
    }

    @Test
    void theErrorFallsWithTheBudget() {
        AttentionInput input = make.normal(1, 2, 1, 300, 600, 16, 8);
        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        ReferenceGradient exact = ReferenceGradient.of(input, outputGradient);
        double last = Double.POSITIVE_INFINITY;
        for (int samples : new int[] {32, 128, 300, 520}) {
            double error = GradientChecking.run(ENGINE, Attention.kdeformer().blockSize(64).samples(samples)
                    .draws(Draws.STRATIFIED).build(), input, outputGradient).error(exact);
            assertTrue(error < 0.8 * last, samples + " samples: " + error + " after " + last);
            last = error;
        }
        GradientChecking.run(ENGINE, Attention.kdeformer().blockSize(100).samples(500).build(), input, outputGradient)
                .assertClose(exact, 1e-4, "a block and samples for all keys");
    }

    @Test
    void scratchMemoryIsAsEstimated() {
        AttentionInput input = make.normal(1, 2, 1, 500, 60_000, 4, 4);
        for (Mask mask : List.of(Mask.none(), Mask.causal())) {
            try (Engine engine = Engine.create(1)) {
                AttentionInput masked = input.withMask(mask);
                DifferentiableMethod method = Attention.kdeformer().blockSize(100).samples(200).build();
                Tensor output = make.zeros(input.outputShape());
                method.gradient().apply(engine, masked, output, make.zeros(output.shape().withColumns(1)),
                        make.zeros(output.shape()), new InputGradients(make.zeros(input.query().shape()),
                        make.zeros(input.key().shape()), make.zeros(input.value().shape())));
                long estimate = method.gradient().estimate(masked, 1).scratchBytes();
                assertTrue(engine.scratchBytes() <= 2 * estimate + (2 << 20),
                        engine.scratchBytes() + " bytes, estimate " + estimate);
            }
        }
    }
}
