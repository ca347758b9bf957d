package dev.kdeformer.rivals;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.Map;

/**
 * Nyströmformer's attention (Xiong, Zeng, Chakraborty, Tan, Fung, Li and Singh, "Nyströmformer", AAAI 2021): landmarks
 * are the means of segments of queries and keys, Q̃ and K̃, and the output is
 * softmax(Q K̃ᵀ) · softmax(Q̃ K̃ᵀ)⁺ · (softmax(Q̃ Kᵀ) V), the pseudoinverse by the paper's iteration of third order
 * ({@link PseudoInverse}). The convolution that the paper adds belongs to a trained model and is left out.
 *
 * <p>There are as many landmarks as asked, but no more than queries or visible keys. A landmark key has the logarithm
 * of the mean weight of its segment as its bias. Weights may be negative, and outputs may leave the range of the
 * values. With n = m landmarks and iterations enough, the output is exact attention.
 *
 * <p>Takes key lengths, biases and grouped heads; refuses a causal mask. All three factors are normalised, so there is
 * no estimate of the log-sum-exp: asking for one is refused, and so are sinks.
 */
public final class Nystrom extends HeadwiseMethod {
    private final int landmarks;
    private final int iterations;

    private Nystrom(Builder builder) {
        super("nystrom", null);
        landmarks = builder.landmarks;
        iterations = builder.iterations;
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    void describe(Map<String, Object> parameters) {
        parameters.put("landmarks", landmarks);
        parameters.put("iterations", iterations);
    }

    @Override
    boolean estimatesLogSumExp() {
        return false;
    }

    @Override
    Statistics run(Call call) {
        if (call.logSumExp() != null) {
            throw new IllegalArgumentException("logSumExp must be null for method nystrom, which has no estimate of"
                    + " it");
        }
        return super.run(call);
    }

    @Override
    double attend(Call call, KeyHead head, int[] visible, Team team) {
        AttentionInput input = call.input();
        float[] centre = head.centre();
        int count = Math.min(landmarks, Math.min(input.queries(), visible.length));
        float[] keys = new float[count * input.d()];
        float[] bias = new float[count];
        keyLandmarks(head, visible, centre, keys, bias);
        PackedKeys all = Selection.pack(head, visible, input.scale(), centre, team.scratch());
        PackedKeys[] packed = new PackedKeys[head.groupSize()];
        float[][] queries = new float[head.groupSize()][];
        float[][] answers = new float[head.groupSize()][count * input.dv()];
        for (int member = 0; member < packed.length; member++) {
            queries[member] = queryLandmarks(head.query(member), count);
        }
        int tiles = Math.ceilDiv(count, QueryTile.ROWS);
        team.forEach(packed.length * tiles, (index, scratch) -> {
            int member = index / tiles;
            int from = index % tiles * QueryTile.ROWS;
            int rows = Math.min(QueryTile.ROWS, count - from);
            SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
            QueryTile tile = scratch.keep(QueryTile.class, QueryTile::new);
            tile.load(Selection.matrix(queries[member], count), 0, from, rows, all.scale());
            state.begin(rows, input.dv());
            state.add(tile, all);
            state.finish(Selection.matrix(answers[member], count), null, 0, from, null);
        });
        double[][] values = new double[packed.length][];
        team.forEach(packed.length, (member, scratch) -> {
            double[] middle = softmax(queries[member], keys, bias, count, input.scale());
            values[member] = PseudoInverse.of(middle, count, iterations, team)
                    .times(answers[member], input.dv(), team);
        });
        for (int member = 0; member < packed.length; member++) {
            float[] rounded = new float[values[member].length];
            for (int i = 0; i < rounded.length; i++) {
                rounded[i] = (float) values[member][i];
            }
            packed[member] = Selection.pack(keys, rounded, bias, count, input.scale(), team.scratch());
        }
        forEachTile(call, head, team, (member, from, rows, scratch) -> {
            SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
            QueryTile tile = scratch.keep(QueryTile.class, QueryTile::new);
            tile.load(head.query(member), 0, from, rows, packed[member].scale());
            state.begin(rows, input.dv());
            state.add(tile, packed[member]);
            state.finish(head.output(member), null, 0, from, null);
        });
        double pairs = (double) count * (input.queries() + visible.length) * head.groupSize();
        return 2.0 * (input.d() + input.dv()) * pairs
                + head.groupSize() * (8.0 * iterations * count * count * count);
    }

    /** Means of the segments of the visible keys, centred, and the logarithms of their mean weights. */
    private static void keyLandmarks(KeyHead head, int[] visible, float[] centre, float[] keys, float[] bias) {
        int count = bias.length;
        int d = centre.length;
        float[] row = new float[d];
        for (int l = 0; l < count; l++) {
            int from = start(l, count, visible.length);
            int to = start(l + 1, count, visible.length);
            double[] sum = new double[d];
            double top = Double.NEGATIVE_INFINITY;
            for (int i = from; i < to; i++) {
                head.key().readRow(visible[i], row, 0);
                for (int c = 0; c < d; c++) {
                    sum[c] += row[c] - centre[c];
                }
                top = Math.max(top, head.bias() == null ? 0 : head.bias().get(0, visible[i]));
            }
            double weight = 0;
            for (int i = from; i < to; i++) {
                weight += Math.exp((head.bias() == null ? 0 : head.bias().get(0, visible[i])) - top);
            }
            bias[l] = (float) (top + Math.log(weight / (to - from)));
            for (int c = 0; c < d; c++) {
                keys[l * d + c] = (float) (sum[c] / (to - from));
            }
        }
    }

    private static float[] queryLandmarks(Matrix query, int count) {
        int d = query.columns();
        float[] means = new float[count * d];
        float[] row = new float[d];
        for (int l = 0; l < count; l++) {
            int from = start(l, count, query.rows());
            int to = start(l + 1, count, query.rows());
            double[] sum = new double[d];
            for (int i = from; i < to; i++) {
                query.readRow(i, row, 0);
                for (int c = 0; c < d; c++) {
                    sum[c] += row[c];
                }
            }
            for (int c = 0; c < d; c++) {
                means[l * d + c] = (float) (sum[c] / (to - from));
            }
        }
        return means;
    }

    private static int start(int segment, int count, int rows) {
        return (int) ((long) rows * segment / count);
    }

    /** The softmax of the landmarks' logits, count × count, in double precision. */
    private static double[] softmax(float[] queries, float[] keys, float[] bias, int count, float scale) {
        int d = keys.length / count;
        double[] result = new double[count * count];
        for (int i = 0; i < count; i++) {
            double top = Double.NEGATIVE_INFINITY;
            for (int j = 0; j < count; j++) {
                double dot = 0;
                for (int c = 0; c < d; c++) {
                    dot += (double) queries[i * d + c] * keys[j * d + c];
                }
                result[i * count + j] = scale * dot + bias[j];
                top = Math.max(top, result[i * count + j]);
            }
            double sum = 0;
            for (int j = i * count; j < (i + 1) * count; j++) {
                result[j] = Math.exp(result[j] - top);
                sum += result[j];
            }
            for (int j = i * count; j < (i + 1) * count; j++) {
                result[j] /= sum;
            }
        }
        return result;
    }

    @Override
    Estimate need(AttentionInput input, int threads) {
        int count = Math.min(landmarks, Math.min(input.queries(), input.keys()));
        long bytes = PackedKeys.bytes(input.keys(), input.d(), input.dv()) + 4L * input.keys()
                + input.groupSize() * PackedKeys.bytes(count, input.d(), input.dv());
        double small = 4.0 * iterations * count * count * count / input.queries() / (input.d() + input.dv());
        return estimate(input, threads, bytes, count * (1 + (double) input.keys() / input.queries()) + small);
    }

    /** Options. */
    public static final class Builder {
        private int landmarks = 64;
        private int iterations = 6;

        private Builder() {
        }

        /**
         * Sets the number of landmarks (default 64, as in the paper's experiments).
         *
         * @throws IllegalArgumentException if not between 1 and 4096
         */
        public Builder landmarks(int value) {
            landmarks = Selection.between("landmarks", value, 1, 4096);
            return this;
        }

        /**
         * Half as many landmarks as columns, from 1 to 4096: with as many queries as keys, the landmarks' pass over the
         * keys costs as much as the queries' pass over the landmarks. The pseudoinverse comes on top.
         */
        public Builder columns(int value) {
            landmarks = Math.max(1, Math.min(4096, Selection.atLeast("columns", value, 1) / 2));
            return this;
        }

        /**
         * Sets the iterations of the pseudoinverse (default 6, as in the paper).
         *
         * @throws IllegalArgumentException if not between 1 and 100
         */
        public Builder iterations(int value) {
            iterations = Selection.between("iterations", value, 1, 100);
            return this;
        }

        /** Makes the method. */
        public Nystrom build() {
            return new Nystrom(this);
        }
    }
}
