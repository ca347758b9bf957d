package dev.kdeformer.pilot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.Mask;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.reference.GradientChecking;
import dev.kdeformer.reference.ReferenceGradient;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.runtime.Crew;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleSupplier;
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

    /** A node on the way to a leaf: its centroid, what its parent's mean values are moved by, and what it folds. */
    private record Step(double[] centre, double[] move, int[] folded) {
    }

    /** What a leaf holds fixed. */
    private record Leaf(int[] rows, int[] near, List<Step> steps, double[][] moments, double[][] tilt) {
    }

    /** Notes what the leaves of a head hold fixed. */
    private static final class Recorder implements NodeVisitor {
        private final PilotHead head;
        private final KeyGroups keys;
        private final List<Leaf> leaves = new ArrayList<>();
        private final Step[] steps = new Step[20];
        private final FarField[] fars = new FarField[20];

        Recorder(PilotHead head) {
            this.head = head;
            this.keys = head.keys();
        }

        @Override
        public void enter(int depth, float[] centre, FarField far) {
            double[] x = new double[keys.keys().columns()];
            Arrays.setAll(x, c -> centre[c]);
            double[] move = new double[keys.values().columns()];
            for (int g = 0; g < keys.groups() && depth > 0; g++) {
                if (far.logMass(g) > FarField.EMPTY) {
                    for (int c = 0; c < move.length; c++) {
                        int at = g * keys.values().stride() + c;
                        move[c] = (double) far.values()[at] - fars[depth - 1].values()[at];
                    }
                }
            }
            steps[depth] = new Step(x, move, new int[0]);
            fars[depth] = far;
        }

        @Override
        public void fold(int depth, FarField far, Fold fold, NodeScratch node) {
            steps[depth] = new Step(steps[depth].centre, steps[depth].move,
                    Arrays.copyOf(node.folded, node.foldedCount));
        }

        @Override
        public void leaf(int depth, int from, int to, int[] near, int count, FarField far) {
            int d = keys.keys().columns();
            int dv = keys.values().columns();
            double[][] moments = new double[keys.groups()][d];
            for (int g = 0; g < keys.groups(); g++) {
                for (int c = 0; c < d; c++) {
                    moments[g][c] = far.variances()[g * keys.keys().stride() + c];
                }
            }
            double[][] tilt = new double[d][dv];
            for (int c = 0; c < d && far.tilt().length > 0; c++) {
                for (int v = 0; v < dv; v++) {
                    tilt[c][v] = far.tilt()[c * keys.values().stride() + v];
                }
            }
            leaves.add(new Leaf(Arrays.copyOfRange(head.order(), from, to), Arrays.copyOf(near, count),
                    List.of(Arrays.copyOf(steps, depth + 1)), moments, tilt));
        }

        @Override
        public void leave(int depth, FarField far) {
            assertSame(fars[depth], far);
        }
    }

    /** The function of one query head, as the leaves say, in double precision. */
    private static final class Function {
        private final AttentionInput input;
        private final List<Leaf> leaves;
        private final int[] keyRows;
        private final int[] starts;
        private final double[] biases;
        private final double[] centre;
        private final double[][] q;
        private final double[][] k;
        private final double[][] v;
        private final int queryHead;
        private final int keyHead;

        Function(AttentionInput input, KeyGroups keys, List<Leaf> leaves, int queryHead, int keyHead, double[][] q,
                double[][] k, double[][] v) {
            this.input = input;
            this.leaves = leaves;
            this.queryHead = queryHead;
            this.keyHead = keyHead;
            this.q = q;
            this.k = k;
            this.v = v;
            this.keyRows = keys.order().clone();
            this.starts = keys.starts().clone();
            this.biases = new double[keys.count()];
            Arrays.setAll(biases, j -> keys.biases()[j]);
            this.centre = new double[input.d()];
            Arrays.setAll(centre, c -> keys.centre()[c]);
        }

        private double key(int j, int c) {
            return k[keyHead][keyRows[j] * input.d() + c] - centre[c];
        }

        private double value(int j, int c) {
            return v[keyHead][keyRows[j] * input.dv() + c];
        }

        private double logit(double[] x, int j) {
            double logit = biases[j];
            for (int c = 0; c < x.length; c++) {
                logit += x[c] * key(j, c);
            }
            return logit;
        }

        /** The loss, and if {@code output} is not null, the output. */
        double loss(double[][] gradient, double[] output) {
            double loss = 0;
            for (Leaf leaf : leaves) {
                loss += loss(leaf, gradient, output);
            }
            return loss;
        }

        private double loss(Leaf leaf, double[][] gradient, double[] output) {
            int d = input.d();
            int dv = input.dv();
            int groups = starts.length - 1;
            double[] masses = new double[groups];
            double[][] means = new double[groups][d];
            double[][] values = new double[groups][dv];
            double[] x = null;
            for (Step step : leaf.steps) {
                for (int g = 0; g < groups; g++) {
                    double shift = 0;
                    for (int c = 0; c < d && x != null; c++) {
                        shift += (step.centre[c] - x[c]) * means[g][c];
                    }
                    masses[g] *= Math.exp(shift);
                    for (int c = 0; c < dv && masses[g] > 0; c++) {
                        values[g][c] += step.move[c];
                    }
                }
                x = step.centre;
                for (int j : step.folded) {
                    int g = 0;
                    while (j >= starts[g + 1]) {
                        g++;
                    }
                    double w = Math.exp(logit(x, j));
                    double part = w / (masses[g] + w);
                    masses[g] += w;
                    for (int c = 0; c < d; c++) {
                        means[g][c] += part * (key(j, c) - means[g][c]);
                    }
                    for (int c = 0; c < dv; c++) {
                        values[g][c] += part * (value(j, c) - values[g][c]);
                    }
                }
            }
            double loss = 0;
            for (int row : leaf.rows) {
                double[] scaled = new double[d];
                double[] delta = new double[d];
                for (int c = 0; c < d; c++) {
                    scaled[c] = input.scale() * q[queryHead][row * d + c];
                    delta[c] = scaled[c] - x[c];
                }
                double[] sum = new double[dv];
                double mass = 0;
                for (int j : leaf.near) {
                    double w = Math.exp(logit(scaled, j));
                    mass += w;
                    for (int c = 0; c < dv; c++) {
                        sum[c] += w * value(j, c);
                    }
                }
                for (int g = 0; g < groups; g++) {
                    double exponent = 0;
                    for (int c = 0; c < d; c++) {
                        exponent += delta[c] * means[g][c] + 0.5 * delta[c] * delta[c] * leaf.moments[g][c];
                    }
                    double w = masses[g] * Math.exp(exponent);
                    mass += w;
                    for (int c = 0; c < dv; c++) {
                        double moved = values[g][c];
                        for (int f = 0; f < d; f++) {
                            moved += delta[f] * leaf.tilt[f][c];
                        }
                        sum[c] += w * moved;
                    }
                }
                for (int c = 0; c < dv; c++) {
                    double o = sum[c] / mass;
                    loss += o * gradient[queryHead][row * dv + c];
                    if (output != null) {
                        output[row * dv + c] = o;
                    }
                }
            }
            return loss;
        }
    }

    private static double[][] doubles(Tensor tensor) {
        int heads = tensor.shape().heads();
        double[][] all = new double[tensor.shape().batch() * heads][];
        for (int h = 0; h < all.length; h++) {
            float[] x = tensor.matrix(h / heads, h % heads).toArray();
            all[h] = new double[x.length];
            for (int i = 0; i < x.length; i++) {
                all[h][i] = x[i];
            }
        }
        return all;
    }

    private List<Function> functions(PilotAttention method, AttentionInput input, double[][] q, double[][] k,
            double[][] v) {
        List<Function> functions = new ArrayList<>();
        Crew crew = ENGINE.begin();
        try {
            Call call = new Call(input, make.zeros(input.outputShape()), null, crew);
            for (int unit = 0; unit < call.keyHeads(); unit++) {
                KeyHead head = call.keyHead(unit);
                KeyGroups keys = null;
                for (int member = 0; member < head.groupSize(); member++) {
                    Rows queries = PilotAttention.scaled(head.query(member), input.scale(), crew);
                    keys = keys == null ? KeyGroups.of(head, queries, method.groups(), crew) : keys;
                    PilotHead pilot = new PilotHead(head, member, method, keys, queries, crew);
                    Recorder recorder = new Recorder(pilot);
                    pilot.visit(method.effort(input, keys.count()), 1, crew, (share, scratch) -> recorder);
                    functions.add(new Function(input, keys, recorder.leaves, unit * head.groupSize() + member, unit,
                            q, k, v));
                }
            }
        } finally {
            ENGINE.end(crew);
        }
        return functions;
    }

    static List<PilotAttention.Builder> methods() {
        return List.of(Attention.pilot().tile(2).near(5).candidates(1).groups(4).rank(2).middle(3),
                Attention.pilot().tile(4).near(7).candidates(2).groups(8).rank(0),
                Attention.pilot().tile(30).near(9).groups(3).rank(1).middle(0),
                Attention.pilot().tile(3).near(4).candidates(1).groups(1).rank(4).middle(10));
    }

    @ParameterizedTest
    @MethodSource("methods")
    void followFiniteDifferencesWithTheWalkHeldFixed(PilotAttention.Builder builder) {
        PilotAttention method = builder.build();
        AttentionInput plain = make.normal(1, 2, 1, 60, 90, 4, 3);
        for (AttentionInput input : List.of(plain, make.normal(2, 2, 2, 33, 70, 3, 2).withScale(0.8f)
                .withMask(Mask.none().withKeyLengths(70, 51)).withKeyBias(make.hiding(Shape.of(1, 2, 1, 70), 4, 20)))) {
            Tensor outputGradient = make.tensor(input.outputShape(), 1);
            double[][] gradient = doubles(outputGradient);
            double[][] q = doubles(input.query());
            double[][] k = doubles(input.key());
            double[][] v = doubles(input.value());
            List<Function> functions = functions(method, input, q, k, v);
            GradientChecking g = GradientChecking.run(ENGINE, method, input, outputGradient);
            double[][] library = doubles(g.output());
            for (Function each : functions) {
                double[] output = new double[input.queries() * input.dv()];
                each.loss(gradient, output);
                assertArrayEquals(output, library[each.queryHead], 2e-4, "the forward call is another function");
                assertTrue(each.leaves.stream().anyMatch(leaf -> leaf.near.length < each.keyRows.length));
            }
            DoubleSupplier loss = () -> functions.stream()
                    .mapToDouble(each -> each.loss(gradient, null)).sum();
            GradientChecking.assertFollows(GradientChecking.differences(loss, q, 1e-5), null, g.query(), "dQuery");
            GradientChecking.assertFollows(GradientChecking.differences(loss, k, 1e-5), null, g.key(), "dKey");
            GradientChecking.assertFollows(GradientChecking.differences(loss, v, 1e-5), null, g.value(), "dValue");
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
            double error = GradientChecking.run(ENGINE, Attention.pilot().near(near).build(), input, outputGradient)
                    .error(exact);
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
                    make.zeros(output.shape()), make.zeros(input.query().shape()), make.zeros(input.key().shape()),
                    make.zeros(input.value().shape()));
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
