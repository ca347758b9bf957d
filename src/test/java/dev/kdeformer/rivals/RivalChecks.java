package dev.kdeformer.rivals;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;

/** What every rival has to hold, and plain pieces of attention in double precision to check them with. */
final class RivalChecks {
    private RivalChecks() {
    }

    /** The result of a call. */
    record Result(Tensor output, Tensor logSumExp, double columns) {
        double out(int b, int h, int i, int c) {
            return output.matrix(b, h).get(i, c);
        }

        double sum(int b, int h, int i) {
            return logSumExp.matrix(b, h).get(i, 0);
        }
    }

    /** Runs a method with log-sum-exp. */
    static Result run(AttentionMethod method, AttentionInput input, int threads) {
        return run(method, input, threads, true);
    }

    static Result run(AttentionMethod method, AttentionInput input, int threads, boolean withSums) {
        try (Engine engine = Engine.create(threads)) {
            Tensor output = Tensor.allocate(Arena.ofAuto(), input.outputShape());
            Tensor sums = withSums ? Tensor.allocate(Arena.ofAuto(), input.outputShape().withColumns(1)) : null;
            double columns = method.apply(engine, input, output, sums).columns();
            return new Result(output, sums, columns);
        }
    }

    /** Results are finite on every input without a causal mask, and zeros and −∞ exactly where a query sees nothing. */
    static void staysFinite(AttentionMethod method, boolean withSums) {
        int hidden = 0;
        for (TestInputs.Case each : TestInputs.all(41)) {
            AttentionInput input = each.input();
            if (input.mask().isCausal()) {
                assertThrows(IllegalArgumentException.class, () -> run(method, input, 1, withSums));
                continue;
            }
            Result result = run(method, input, 2, withSums);
            ReferenceAttention exact = ReferenceAttention.of(input);
            assertTrue(result.columns() >= 0 && Double.isFinite(result.columns()), each::name);
            for (int b = 0; b < input.batch(); b++) {
                double[] range = range(input, b);
                for (int h = 0; h < input.heads(); h++) {
                    for (int i = 0; i < input.queries(); i++) {
                        boolean nothing = exact.logSumExp(b, h)[i] == Double.NEGATIVE_INFINITY;
                        hidden += nothing ? 1 : 0;
                        for (int c = 0; c < input.dv(); c++) {
                            double o = result.out(b, h, i, c);
                            assertTrue(nothing ? o == 0 : Math.abs(o) <= range[0], () -> each.name() + ": " + o);
                        }
                        if (withSums) {
                            double s = result.sum(b, h, i);
                            assertTrue(nothing ? s == Double.NEGATIVE_INFINITY : Double.isFinite(s),
                                    () -> each.name() + ": " + s);
                        }
                    }
                }
            }
        }
        assertTrue(hidden > 0);
    }

    /** A bound of outputs, generous for methods whose weights may be negative. */
    private static double[] range(AttentionInput input, int b) {
        double largest = 0;
        for (int h = 0; h < input.kvHeads(); h++) {
            for (float v : input.value().matrix(b, h).toArray()) {
                largest = Math.max(largest, Math.abs(v));
            }
        }
        return new double[] {1e3 * largest + 1e-30};
    }

    /** Outputs have the same bits on 1, 2 and 7 threads, for many heads and for one long one. */
    static void sameForAnyThreads(AttentionMethod method, boolean withSums) {
        TestInputs make = TestInputs.of(43);
        AttentionInput many = make.normal(2, 6, 3, 211, 307, 19, 23)
                .withMask(Mask.none().withKeyLengths(307, 200)).withKeyBias(make.bias(Shape.of(2, 3, 1, 307)));
        for (AttentionInput input : List.of(many, make.normal(1, 1, 1, 1300, 9000, 16, 16))) {
            Result one = run(method, input, 1, withSums);
            for (int threads : new int[] {2, 7}) {
                Result other = run(method, input, threads, withSums);
                assertArrayEquals(one.output().toArray(), other.output().toArray());
                if (withSums) {
                    assertArrayEquals(one.logSumExp().toArray(), other.logSumExp().toArray());
                }
                assertEquals(one.columns(), other.columns());
            }
        }
    }

    /** The method gives exact attention on inputs with lengths, bias and groups, to the precision given. */
    static void isExact(AttentionMethod method, AttentionInput input, double tolerance, boolean withSums) {
        Result result = run(method, input, 2, withSums);
        ReferenceAttention exact = ReferenceAttention.of(input);
        assertEquals(0, exact.maxDifference(result.output()), tolerance);
        if (withSums) {
            assertEquals(0, exact.maxLogSumExpDifference(result.logSumExp()), tolerance);
        }
    }

    /** An input with groups, bias and key lengths. */
    static AttentionInput rich(long seed, int n, int m) {
        TestInputs make = TestInputs.of(seed);
        return make.normal(2, 4, 2, n, m, 7, 5).withKeyBias(make.hiding(Shape.of(2, 2, 1, m), 3, 5))
                .withMask(Mask.none().withKeyLengths(m, Math.max(1, m - 9)));
    }

    /** A matrix in double precision. */
    static double[][] rows(Matrix matrix) {
        double[][] rows = new double[matrix.rows()][matrix.columns()];
        for (int r = 0; r < rows.length; r++) {
            for (int c = 0; c < rows[r].length; c++) {
                rows[r][c] = matrix.get(r, c);
            }
        }
        return rows;
    }

    static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    /** The biases of the keys that query head h of item b sees; −∞ beyond its key length. */
    static double[] biases(AttentionInput input, int b, int h) {
        double[] biases = new double[input.keys()];
        for (int j = 0; j < biases.length; j++) {
            Tensor bias = input.keyBias();
            biases[j] = j >= input.mask().keyLength(b, input.keys()) ? Double.NEGATIVE_INFINITY
                    : bias == null ? 0 : bias.matrix(Math.min(b, bias.shape().batch() - 1),
                            Math.min(h / input.groupSize(), bias.shape().heads() - 1)).get(0, j);
        }
        return biases;
    }

    /** The keys whose bias is not −∞. */
    static int[] visible(double[] biases) {
        return java.util.stream.IntStream.range(0, biases.length)
                .filter(j -> biases[j] != Double.NEGATIVE_INFINITY).toArray();
    }

    /** Softmax attention of one query over some keys: d_v outputs, then the log-sum-exp. */
    static double[] softmax(double[] logits, double[][] values) {
        double max = Double.NEGATIVE_INFINITY;
        for (double x : logits) {
            max = Math.max(max, x);
        }
        double sum = 0;
        double[] result = new double[values[0].length + 1];
        for (int j = 0; j < logits.length; j++) {
            double w = Math.exp(logits[j] - max);
            sum += w;
            for (int c = 0; c < values[j].length; c++) {
                result[c] += w * values[j][c];
            }
        }
        for (int c = 0; c < result.length - 1; c++) {
            result[c] /= sum;
        }
        result[result.length - 1] = max + Math.log(sum);
        return result;
    }

    /** A plain answer for one key head of one item: output rows, with the log-sum-exp at the end of each. */
    @FunctionalInterface
    interface Plain {
        /** A query head and the keys that it reads, unpacked. */
        record Head(double[][] q, double[][] k, double[][] v, double[] bias) {
        }

        /** n rows of d_v + 1 for query head h of item b. */
        double[][] of(int b, int h, double[][] q, double[][] k, double[][] v, double[] bias);
    }

    /** The method agrees with a plain computation. */
    static void agrees(AttentionMethod method, AttentionInput input, double tolerance, boolean withSums, Plain plain) {
        Result result = run(method, input, 2, withSums);
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                double[][] expected = plain.of(b, h, rows(input.query().matrix(b, h)),
                        rows(input.key().matrix(b, h / input.groupSize())),
                        rows(input.value().matrix(b, h / input.groupSize())), biases(input, b, h));
                for (int i = 0; i < input.queries(); i++) {
                    for (int c = 0; c < input.dv(); c++) {
                        assertEquals(expected[i][c], result.out(b, h, i, c), tolerance,
                                "item " + b + " head " + h + " query " + i + " column " + c);
                    }
                    if (withSums) {
                        assertEquals(expected[i][input.dv()], result.sum(b, h, i), tolerance,
                                "log-sum-exp of item " + b + " head " + h + " query " + i);
                    }
                }
            }
        }
    }
}
