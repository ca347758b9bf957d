package dev.kdeformer.method;

import dev.kdeformer.kernel.Centring;
import dev.kdeformer.kernel.GradientTile;
import dev.kdeformer.kernel.KeySource;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;

/**
 * Some queries of a head, packed for {@link GradientTile}: the queries with minus their log-sum-exp as bias, and the
 * gradients of their outputs with minus their D = dO·O.
 */
public final class GradientRows {
    private final PackedKeys queries;
    private final PackedKeys gradients;

    /**
     * What is packed of a query head; all have the same rows.
     *
     * @param query     (n, d)
     * @param output    the saved output, (n, d_v)
     * @param logSumExp the saved log-sum-exp, (n, 1)
     * @param gradient  gradient by the output, (n, d_v)
     */
    public record Source(Matrix query, Matrix output, Matrix logSumExp, Matrix gradient) {
        /** Rows [from, from + count) of query head {@code member} of a key head. */
        public static Source of(GradientCall call, KeyHead head, int member, int from, int count) {
            return new Source(rows(head, call.input().query(), member, from, count),
                    rows(head, call.forward().output(), member, from, count),
                    rows(head, call.forward().logSumExp(), member, from, count),
                    rows(head, call.outputGradient(), member, from, count));
        }

        /** The same with other queries. */
        public Source withQuery(Matrix other) {
            return new Source(other, output, logSumExp, gradient);
        }

        private static Matrix rows(KeyHead head, Tensor tensor, int member, int from, int count) {
            return head.ofQueries(tensor.rows(from, count), member);
        }
    }

    /** Room for {@code rows} queries. */
    public GradientRows(Scratch scratch, int rows, int d, int dv, LogitScale scale) {
        this.queries = new PackedKeys(scratch, rows, d, d, scale);
        this.queries.keepRests(scratch);
        this.gradients = new PackedKeys(scratch, rows, dv, dv, GradientTile.plainScale());
    }

    /** Bytes of scratch memory. */
    public static long bytes(int rows, int d, int dv) {
        return PackedKeys.bytes(rows, d, d) + rows * 4L + PackedKeys.bytes(rows, dv, dv);
    }

    /** Makes this a set of {@code count} queries, to be packed. */
    public void resize(int count) {
        queries.resize(count);
        gradients.resize(count);
    }

    /** Number of queries. */
    public int count() {
        return queries.count();
    }

    /** The queries, as keys and as values. */
    public PackedKeys queries() {
        return queries;
    }

    /** The gradients of the outputs, as keys and as values. */
    public PackedKeys gradients() {
        return gradients;
    }

    /**
     * Packs queries [first, end), {@code first} a multiple of {@link GradientTile#QUERIES}.
     *
     * @param order    address of ints, the row of {@code source} for every query; 0 for the identity
     * @param centring what is subtracted from the keys that the queries meet
     */
    public void pack(KeyHead head, Source source, long order, int first, int end, Centring centring,
            Scratch scratch) {
        Packer packer = scratch.keep(Packer.class, Packer::new);
        packer.pack(queries, first, end, KeySource.of(source.query, order));
        packer.pack(gradients, first, end, KeySource.of(source.gradient, order));
        double[] shift = head.shift(source.query, order, first, end - first, centring);
        float[] o = new float[source.output.columns()];
        float[] g = new float[o.length];
        for (int i = first; i < end; i++) {
            int row = order == 0 ? i : Memory.getInt(order + i * 4L);
            float sum = source.logSumExp.get(row, 0);
            // A query without keys has a sum of −∞; as a bias that makes all its weights 0.
            queries.setExponent(i, sum == Float.NEGATIVE_INFINITY ? sum
                    : (shift[i - first] - sum) / Math.log(2), 0);
            source.output.readRow(row, o, 0);
            source.gradient.readRow(row, g, 0);
            double dot = 0;
            for (int c = 0; c < o.length; c++) {
                dot += (double) o[c] * g[c];
            }
            gradients.setBias(i, (float) -dot);
        }
        if (end == count()) {
            // Padding has weights of 0; its slopes must be finite for their products to be 0 too.
            for (int i = end; i < gradients.padded(); i++) {
                gradients.setBias(i, 0);
            }
        }
    }
}
