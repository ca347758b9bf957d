package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.DEPTH;
import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.tensor.Matrix;
import jdk.incubator.vector.FloatVector;

/**
 * Up to {@link #ROWS} queries, multiplied by {@link LogitScale#power}, in the layout that the logit kernel reads:
 * row-major with the fixed row distance {@link Lanes#STRIDE}, features beyond {@link Lanes#DEPTH} in further blocks of
 * rows.
 */
public final class QueryTile {
    /** Most queries in a tile; a multiple of the height of every register tile. */
    public static final int ROWS = 96;

    private float[] data = new float[ROWS * STRIDE];
    private float[] whole = new float[0];
    private int rows;
    private int d;

    /**
     * Loads queries.
     *
     * @param query (n, d)
     * @param order address of ints, the row of {@code query} for every position; 0 for the identity
     * @param from  first position
     * @param count number of queries, at most ROWS
     */
    public void load(Matrix query, long order, int from, int count, LogitScale scale) {
        resize(count, query.columns());
        float factor = scale.power();
        if (d <= DEPTH && order == 0) {
            if (whole.length < ROWS * d + LANES) {
                whole = new float[ROWS * d + LANES];
            }
            query.readRows(from, from + count, whole, 0, d);
            // The last vector of a row reads on into the next one; what it leaves lies in the gap between tile rows.
            for (int r = 0; r < count; r++) {
                for (int i = 0; i < d; i += LANES) {
                    FloatVector.fromArray(FLOATS, whole, r * d + i).mul(factor).intoArray(data, r * STRIDE + i);
                }
            }
            return;
        }
        if (d <= DEPTH) {
            for (int r = 0; r < count; r++) {
                query.readRow(row(order, from + r), data, r * STRIDE);
                scaleRow(r * STRIDE, d, factor);
            }
            return;
        }
        whole = whole.length < d ? new float[d] : whole;
        for (int r = 0; r < count; r++) {
            query.readRow(row(order, from + r), whole, 0);
            for (int i = 0; i < d; i += DEPTH) {
                int at = blockStart(i) + r * STRIDE;
                System.arraycopy(whole, i, data, at, Math.min(DEPTH, d - i));
                scaleRow(at, Math.min(DEPTH, d - i), factor);
            }
        }
    }

    /** Makes room for {@code count} queries of {@code features} features, to be filled through {@link #data}. */
    public void resize(int count, int features) {
        rows = count;
        d = features;
        int length = Math.ceilDiv(features, DEPTH) * ROWS * STRIDE;
        if (data.length < length) {
            data = new float[length];
        }
    }

    /** Number of queries. */
    public int rows() {
        return rows;
    }

    /** Features of a query. */
    public int d() {
        return d;
    }

    /** The elements; feature i of row r is at {@code blockStart(i) + r · STRIDE + i mod DEPTH}. */
    public float[] data() {
        return data;
    }

    /** Index where the block of rows with feature {@code feature} starts. */
    public static int blockStart(int feature) {
        return feature / DEPTH * (ROWS * STRIDE);
    }

    private void scaleRow(int at, int count, float factor) {
        for (int i = at; i < at + count; i++) {
            data[i] *= factor;
        }
    }

    private static int row(long order, int position) {
        return order == 0 ? position : Memory.getInt(order + (long) position * Integer.BYTES);
    }
}
