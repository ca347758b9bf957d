package dev.kdeformer.reference;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Mask;
import dev.kdeformer.PairBias;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/**
 * Random inputs from a seed, in memory that lives as long as they are reachable. Use {@link #all} for a parameterised
 * test over everything a method has to take, or the single makers for a test of its own.
 */
public final class TestInputs {
    private final Arena arena = Arena.ofAuto();
    private final RandomGenerator random;

    private TestInputs(long seed) {
        this.random = new SplittableRandom(seed);
    }

    /** An input with a name for the test report. */
    public record Case(String name, AttentionInput input) {
        @Override
        public String toString() {
            return name;
        }
    }

    /** A maker of inputs. */
    public static TestInputs of(long seed) {
        return new TestInputs(seed);
    }

    /** Inputs of small sizes, every mask, bias, grouping, layout and hostile value; unmasked ones first. */
    public static List<Case> all(long seed) {
        List<Case> cases = unmasked(seed);
        TestInputs make = of(seed + 1);
        for (int[] nm : new int[][] {{1, 1}, {37, 37}, {131, 67}, {67, 131}, {1, 131}, {131, 1}}) {
            AttentionInput input = make.normal(2, 2, 2, nm[0], nm[1], 13, 7);
            String size = "n=" + nm[0] + " m=" + nm[1];
            cases.add(new Case("causal " + size, input.withMask(Mask.causal())));
            cases.add(new Case("causal upper left " + size, input.withMask(Mask.causalUpperLeft())));
            int[] lengths = {nm[1], nm[1] / 2};
            cases.add(new Case("key lengths " + size, input.withMask(Mask.none().withKeyLengths(lengths))));
            cases.add(new Case("causal, key lengths " + size,
                    input.withMask(Mask.causal().withKeyLengths(lengths[1], lengths[0]))));
        }
        AttentionInput input = make.normal(2, 4, 2, 61, 53, 11, 5);
        cases.add(new Case("no keys in one item", input.withMask(Mask.none().withKeyLengths(0, 53))));
        cases.add(new Case("causal, grouped heads", input.withMask(Mask.causal())));
        cases.add(new Case("causal, grouped heads, bias",
                input.withMask(Mask.causal()).withKeyBias(make.bias(Shape.of(1, 2, 1, 53)))));
        cases.add(new Case("causal, first keys hidden by bias",
                input.withMask(Mask.causalUpperLeft()).withKeyBias(make.hiding(Shape.of(2, 1, 1, 53), 0, 17))));
        cases.add(new Case("causal, logits to 1e4", withLogits(input, 1e4).withMask(Mask.causal())));
        return cases;
    }

    /** Inputs with a sliding window, which only exact attention takes. */
    public static List<Case> windows(long seed) {
        List<Case> cases = new ArrayList<>();
        TestInputs make = of(seed);
        for (int[] s : new int[][] {{1, 1, 1}, {700, 700, 1}, {700, 700, 33}, {611, 300, 100}, {300, 611, 257},
            {97, 500, 1000}, {500, 97, 64}, {1, 333, 5}}) {
            AttentionInput input = make.normal(2, 4, 2, s[0], s[1], 13, 7);
            String size = "window of " + s[2] + ", n=" + s[0] + " m=" + s[1];
            Mask lower = Mask.causal().withWindow(s[2]);
            cases.add(new Case(size, input.withMask(lower)));
            cases.add(new Case("upper left " + size, input.withMask(Mask.causalUpperLeft().withWindow(s[2]))));
            cases.add(new Case("padded " + size, input.withMask(lower.withKeyLengths(s[1] / 2, 0))));
            cases.add(new Case("biased " + size,
                    input.withMask(lower).withKeyBias(make.hiding(Shape.of(2, 1, 1, s[1]), s[1] / 3, s[1] / 2))));
            cases.add(new Case("steep " + size, withLogits(input, 200).withMask(lower)));
        }
        return cases;
    }

    /** Random combinations of all that an input can say; only exact attention takes them all. */
    public static List<Case> combinations(long seed, int count) {
        List<Case> cases = new ArrayList<>();
        TestInputs make = of(seed);
        for (int i = 0; i < count; i++) {
            cases.add(make.combination());
        }
        return cases;
    }

    private Case combination() {
        int batch = 1 + random.nextInt(2);
        int kvHeads = 1 + random.nextInt(2);
        int heads = kvHeads * (1 + random.nextInt(2));
        int n = 1 + random.nextInt(random.nextBoolean() ? 20 : 400);
        int m = 1 + random.nextInt(random.nextBoolean() ? 20 : 700);
        AttentionInput input = normal(batch, heads, kvHeads, n, m, 1 + random.nextInt(20), 1 + random.nextInt(20));
        Mask mask = mask(batch, n, m);
        input = input.withMask(mask);
        StringBuilder name = new StringBuilder(mask.toString().replaceAll("=\\[[^]]*]", ""));
        name.append(" n=").append(n).append(" m=").append(m);
        if (random.nextInt(3) == 0) {
            input = input.withKeyBias(hiding(Shape.of(1, kvHeads, 1, m), m / 3, m / 2));
            name.append(", key bias");
        }
        if (random.nextInt(3) == 0) {
            input = withLogits(input, 8).withSoftCap(0.5f + 4 * random.nextFloat());
            name.append(", soft cap");
        }
        if (random.nextInt(3) == 0) {
            float[] sinks = new float[heads];
            for (int h = 0; h < heads; h++) {
                sinks[h] = h % 3 == 2 ? Float.NEGATIVE_INFINITY : (float) random.nextGaussian();
            }
            input = input.withSinks(sinks);
            name.append(", sinks");
        }
        int kind = random.nextInt(6);
        if (kind < 4) {
            input = input.withPairBias(pairBias(kind, batch, heads, n, m));
            name.append(", pair bias ").append(kind);
        }
        return new Case(name.toString(), input);
    }

    /** A bias of a kind: 0 dense, 1 linear, 2 by distance, 3 over a grid. */
    public PairBias pairBias(int kind, int batch, int heads, int n, int m) {
        if (kind == 0) {
            Tensor dense = bias(Shape.of(random.nextBoolean() ? 1 : batch, random.nextBoolean() ? 1 : heads,
                    random.nextBoolean() ? 1 : n, m));
            for (int i = 0; i < dense.shape().rows(); i++) {
                for (int j = i % 7; j < m; j += 7) {
                    dense.matrix(0, 0).set(i, j, j % 2 == 0 ? Float.NEGATIVE_INFINITY : -Float.MAX_VALUE);
                }
            }
            return PairBias.of(random.nextBoolean() ? dense : strided(dense));
        }
        if (kind == 1) {
            return PairBias.alibi(m - n, PairBias.alibiSlopes(heads));
        }
        if (kind == 2) {
            float[][] table = new float[random.nextBoolean() ? 1 : heads][1 + random.nextInt(60)];
            for (float[] row : table) {
                for (int i = 0; i < row.length; i++) {
                    row[i] = (float) random.nextGaussian();
                }
            }
            return PairBias.byDistance(m - n, -random.nextInt(40), table);
        }
        int[] widths = IntStream.rangeClosed(1, m).filter(each -> m % each == 0).toArray();
        int width = widths[n % widths.length];
        return PairBias.decomposed(bias(Shape.of(batch, heads, n, m / width)), bias(Shape.of(1, heads, n, width)));
    }

    private Mask mask(int batch, int n, int m) {
        Mask mask = switch (random.nextInt(6)) {
            case 0 -> Mask.causal();
            case 1 -> Mask.causalUpperLeft();
            case 2 -> Mask.causalAt(random.nextInt(m + 20) - 20);
            case 3 -> Mask.window(random.nextInt(m + 3), random.nextInt(m + 3));
            case 4 -> Mask.causal().withWindow(1 + random.nextInt(m));
            default -> Mask.none();
        };
        if (random.nextInt(4) == 0) {
            mask = mask.withKeyLengths(random.ints(batch, 0, m + 1).toArray());
        }
        if (random.nextInt(4) == 0) {
            mask = mask.withQueryLengths(random.ints(batch, 0, n + 1).toArray());
        }
        if (random.nextInt(4) == 0) {
            int sequences = 1 + random.nextInt(5);
            mask = mask.withSequences(random.ints(sequences + 1, 0, n + 1).sorted().toArray(),
                    random.ints(sequences + 1, 0, m + 1).sorted().toArray());
        }
        if (random.nextInt(4) == 0) {
            mask = mask.withRanges(random.ints(n, -3, m / 2 + 1).toArray(), random.ints(n, m / 3, m + 9).toArray());
        }
        return mask;
    }

    /** The cases of {@link #all} without a mask. */
    public static List<Case> unmasked(long seed) {
        TestInputs make = of(seed);
        List<Case> cases = new ArrayList<>();
        int[][] sizes = {{1, 1, 1, 1}, {1, 2, 3, 1}, {2, 1, 1, 3}, {3, 5, 7, 11}, {17, 1, 16, 2}, {1, 257, 5, 3},
            {127, 131, 37, 29}, {64, 64, 16, 16}, {97, 509, 64, 67}, {211, 101, 100, 100}};
        for (int[] s : sizes) {
            cases.add(new Case("n=" + s[0] + " m=" + s[1] + " d=" + s[2] + " dv=" + s[3],
                    make.normal(1, 2, 2, s[0], s[1], s[2], s[3])));
        }
        AttentionInput grouped = make.normal(2, 6, 2, 61, 83, 19, 23);
        cases.add(new Case("grouped heads", grouped));
        cases.add(new Case("one key head", make.normal(2, 3, 1, 31, 47, 8, 8)));
        cases.add(new Case("strided", make.strided(grouped)));
        cases.add(new Case("bias", grouped.withKeyBias(make.bias(Shape.of(2, 2, 1, 83)))));
        cases.add(new Case("bias hides keys", grouped.withKeyBias(make.hiding(Shape.of(2, 2, 1, 83), 5, 60))));
        cases.add(new Case("bias hides every key", grouped.withKeyBias(make.hiding(Shape.of(1, 1, 1, 83), 0, 83))));
        cases.add(new Case("scale 0", grouped.withScale(0)));
        cases.add(new Case("negative scale", grouped.withScale(-0.5f)));
        for (double logit : new double[] {20, 200, 1e4}) {
            cases.add(new Case("logits to " + logit, withLogits(grouped, logit)));
        }
        cases.add(new Case("logits offset by a common key",
                offsetKeys(make.normal(1, 2, 2, 61, 83, 19, 23), 600)));
        cases.add(new Case("equal rows", make.equalRows(1, 2, 1, 41, 59, 9, 7)));
        cases.add(new Case("denormals", make.denormals(1, 2, 1, 41, 59, 9, 7)));
        cases.add(new Case("zeros", AttentionInput.of(make.tensor(Shape.of(5, 3), 0), make.tensor(Shape.of(7, 3), 0),
                make.tensor(Shape.of(7, 2), 0))));
        return cases;
    }

    /** An input of independent standard normal elements. */
    public AttentionInput normal(int batch, int heads, int kvHeads, int n, int m, int d, int dv) {
        return AttentionInput.of(tensor(Shape.of(batch, heads, n, d), 1), tensor(Shape.of(batch, kvHeads, m, d), 1),
                tensor(Shape.of(batch, kvHeads, m, dv), 1));
    }

    /** A tensor of independent normal elements with mean 0. */
    public Tensor tensor(Shape shape, double deviation) {
        Tensor tensor = Tensor.allocate(arena, shape);
        fill(tensor, () -> (float) (deviation * random.nextGaussian()));
        return tensor;
    }

    /** An output, or any other tensor of zeros, for {@code shape}. */
    public Tensor zeros(Shape shape) {
        return Tensor.allocate(arena, shape);
    }

    /** The input with the scale at which {@link #largestLogit} is {@code largest}. */
    public static AttentionInput withLogits(AttentionInput input, double largest) {
        return input.withScale((float) (largest / largestLogit(input.withScale(1))));
    }

    /** The largest |scale · q · k| of all queries and keys of an input. */
    public static double largestLogit(AttentionInput input) {
        double max = 0;
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                Matrix q = input.query().matrix(b, h);
                Matrix k = input.key().matrix(b, h / input.groupSize());
                for (int i = 0; i < input.queries(); i++) {
                    for (int j = 0; j < input.keys(); j++) {
                        double dot = 0;
                        for (int c = 0; c < input.d(); c++) {
                            dot += (double) q.get(i, c) * k.get(j, c);
                        }
                        max = Math.max(max, Math.abs(dot * input.scale()));
                    }
                }
            }
        }
        return max;
    }

    /**
     * Normal elements with one vector added to every query and one to every key, so that all logits lie near
     * {@code logit}, as in models whose keys have a large common part.
     */
    public static AttentionInput offsetKeys(AttentionInput normal, double logit) {
        AttentionInput input = normal.withScale(1);
        float step = (float) Math.sqrt(logit / input.d());
        for (Tensor tensor : List.of(input.query(), input.key())) {
            map(tensor, x -> 0.2f * x + step);
        }
        return input;
    }

    /** Few distinct rows, each repeated many times, in queries, keys and values. */
    public AttentionInput equalRows(int batch, int heads, int kvHeads, int n, int m, int d, int dv) {
        AttentionInput input = normal(batch, heads, kvHeads, n, m, d, dv);
        for (Tensor tensor : List.of(input.query(), input.key(), input.value())) {
            Shape s = tensor.shape();
            for (int b = 0; b < s.batch(); b++) {
                for (int h = 0; h < s.heads(); h++) {
                    Matrix matrix = tensor.matrix(b, h);
                    for (int r = 0; r < s.rows(); r++) {
                        for (int c = 0; c < s.columns(); c++) {
                            matrix.set(r, c, matrix.get(r % 3 % s.rows(), c));
                        }
                    }
                }
            }
        }
        return input;
    }

    /** Half of all elements are denormal floats or signed zeros. */
    public AttentionInput denormals(int batch, int heads, int kvHeads, int n, int m, int d, int dv) {
        AttentionInput input = normal(batch, heads, kvHeads, n, m, d, dv);
        for (Tensor tensor : List.of(input.query(), input.key(), input.value())) {
            map(tensor, x -> random.nextBoolean() ? x : x * Float.MIN_NORMAL / (1 + random.nextInt(1 << 24)));
        }
        return input;
    }

    /** The same elements in memory laid out as (batch, rows, columns, heads) with gaps, the scale kept. */
    public AttentionInput strided(AttentionInput input) {
        AttentionInput strided = AttentionInput.of(strided(input.query()), strided(input.key()),
                strided(input.value())).withScale(input.scale()).withMask(input.mask());
        return input.keyBias() == null ? strided : strided.withKeyBias(strided(input.keyBias()));
    }

    /** The same elements in memory laid out as (batch, rows, columns, heads) with gaps that hold NaN. */
    public Tensor strided(Tensor source) {
        Shape s = source.shape();
        long columnStride = s.heads() + 1L;
        long rowStride = columnStride * s.columns() + 3;
        long batchStride = rowStride * s.rows() + 5;
        Tensor memory = Tensor.allocate(arena, Shape.of(1, Math.toIntExact(batchStride * s.batch())));
        fill(memory, () -> Float.NaN);
        Tensor tensor = Tensor.of(memory.segment(), s, batchStride, 1, rowStride, columnStride);
        for (int b = 0; b < s.batch(); b++) {
            for (int h = 0; h < s.heads(); h++) {
                Matrix from = source.matrix(b, h);
                Matrix to = tensor.matrix(b, h);
                for (int r = 0; r < s.rows(); r++) {
                    for (int c = 0; c < s.columns(); c++) {
                        to.set(r, c, from.get(r, c));
                    }
                }
            }
        }
        return tensor;
    }

    /** A bias of normal elements. */
    public Tensor bias(Shape shape) {
        return tensor(shape, 1.5);
    }

    /** A bias of normal elements that is −∞ for keys [from, to). */
    public Tensor hiding(Shape shape, int from, int to) {
        Tensor bias = bias(shape);
        for (int b = 0; b < shape.batch(); b++) {
            for (int h = 0; h < shape.heads(); h++) {
                for (int j = from; j < to; j++) {
                    bias.matrix(b, h).set(0, j, Float.NEGATIVE_INFINITY);
                }
            }
        }
        return bias;
    }

    private interface Maker {
        float make();
    }

    private interface Change {
        float apply(float x);
    }

    private static void fill(Tensor tensor, Maker maker) {
        map(tensor, x -> maker.make());
    }

    private static void map(Tensor tensor, Change change) {
        Shape s = tensor.shape();
        for (int b = 0; b < s.batch(); b++) {
            for (int h = 0; h < s.heads(); h++) {
                Matrix matrix = tensor.matrix(b, h);
                for (int r = 0; r < s.rows(); r++) {
                    for (int c = 0; c < s.columns(); c++) {
                        matrix.set(r, c, change.apply(matrix.get(r, c)));
                    }
                }
            }
        }
    }
}
