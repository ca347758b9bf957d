package dev.kdeformer.pilot;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.kernel.Lanes;
import jdk.incubator.vector.FloatVector;

/**
 * Weighted sums of rows picked by index: what folding keys into groups is made of. Two vectors of a row at a time,
 * which share the weights; an odd last vector is taken alone.
 */
final class FoldKernel {
    private FoldKernel() {
    }

    /** sum += Σ w_j x_j and squares += Σ w_j x_j² over list entries [from, to). */
    static void moments(Rows x, NodeScratch node, int from, int to, float[] sum, float[] squares, int at) {
        int c = 0;
        for (; c + 2 * LANES <= x.stride(); c += 2 * LANES) {
            moments2(x.address() + c * 4L, x.stride() * 4L, node.folded, node.foldedWeights, from, to, sum, squares, at + c);
        }
        if (c < x.stride()) {
            moments1(x.address() + c * 4L, x.stride() * 4L, node.folded, node.foldedWeights, from, to, sum, squares, at + c);
        }
    }

    private static void moments2(long column, long rowBytes, int[] index, float[] weights,
            int from, int to, float[] sum, float[] squares, int at) {
        FloatVector s0 = FloatVector.fromArray(FLOATS, sum, at);
        FloatVector s1 = FloatVector.fromArray(FLOATS, sum, at + LANES);
        FloatVector q0 = FloatVector.fromArray(FLOATS, squares, at);
        FloatVector q1 = FloatVector.fromArray(FLOATS, squares, at + LANES);
        for (int j = from; j < to; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector w = FloatVector.broadcast(FLOATS, weights[j]);
            FloatVector v0 = Lanes.load(row);
            FloatVector v1 = Lanes.load(row + Lanes.VECTOR_BYTES);
            FloatVector wv0 = v0.mul(w);
            FloatVector wv1 = v1.mul(w);
            s0 = s0.add(wv0);
            s1 = s1.add(wv1);
            q0 = wv0.fma(v0, q0);
            q1 = wv1.fma(v1, q1);
        }
        s0.intoArray(sum, at);
        s1.intoArray(sum, at + LANES);
        q0.intoArray(squares, at);
        q1.intoArray(squares, at + LANES);
    }

    private static void moments1(long column, long rowBytes, int[] index, float[] weights,
            int from, int to, float[] sum, float[] squares, int at) {
        FloatVector s = FloatVector.fromArray(FLOATS, sum, at);
        FloatVector q = FloatVector.fromArray(FLOATS, squares, at);
        for (int j = from; j < to; j++) {
            FloatVector v = Lanes.load(column + index[j] * rowBytes);
            FloatVector wv = v.mul(FloatVector.broadcast(FLOATS, weights[j]));
            s = s.add(wv);
            q = wv.fma(v, q);
        }
        s.intoArray(sum, at);
        q.intoArray(squares, at);
    }

    /** sum += Σ w_j x_j over list entries [from, to). */
    static void sum(Rows x, int[] index, float[] weights, int from, int to, float[] sum, int at) {
        int c = 0;
        for (; c + 2 * LANES <= x.stride(); c += 2 * LANES) {
            sum2(x.address() + c * 4L, x.stride() * 4L, index, weights, from, to, sum, at + c);
        }
        if (c < x.stride()) {
            sum1(x.address() + c * 4L, x.stride() * 4L, index, weights, from, to, sum, at + c);
        }
    }

    /** mass + Σ w_j over list entries [from, to). */
    static float mass(float[] weights, int from, int to, float mass) {
        float total = mass;
        for (int j = from; j < to; j++) {
            total += weights[j];
        }
        return total;
    }

    private static void sum2(long column, long rowBytes, int[] index, float[] weights, int from, int to, float[] sum,
            int at) {
        FloatVector s0 = FloatVector.fromArray(FLOATS, sum, at);
        FloatVector s1 = FloatVector.fromArray(FLOATS, sum, at + LANES);
        for (int j = from; j < to; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector w = FloatVector.broadcast(FLOATS, weights[j]);
            s0 = Lanes.load(row).fma(w, s0);
            s1 = Lanes.load(row + Lanes.VECTOR_BYTES).fma(w, s1);
        }
        s0.intoArray(sum, at);
        s1.intoArray(sum, at + LANES);
    }

    private static void sum1(long column, long rowBytes, int[] index, float[] weights, int from, int to, float[] sum,
            int at) {
        FloatVector s = FloatVector.fromArray(FLOATS, sum, at);
        for (int j = from; j < to; j++) {
            s = Lanes.load(column + index[j] * rowBytes).fma(FloatVector.broadcast(FLOATS, weights[j]), s);
        }
        s.intoArray(sum, at);
    }
}
