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
            moments2(x.address() + c * 4L, x.stride() * 4L, node.folded, node.positions, node.weights, from, to, sum, squares, at + c);
        }
        if (c < x.stride()) {
            moments1(x.address() + c * 4L, x.stride() * 4L, node.folded, node.positions, node.weights, from, to, sum, squares, at + c);
        }
    }

    private static void moments2(long column, long rowBytes, int[] index, int[] positions, float[] weights,
            int from, int to, float[] sum, float[] squares, int at) {
        FloatVector s0 = FloatVector.fromArray(FLOATS, sum, at);
        FloatVector s1 = FloatVector.fromArray(FLOATS, sum, at + LANES);
        FloatVector q0 = FloatVector.fromArray(FLOATS, squares, at);
        FloatVector q1 = FloatVector.fromArray(FLOATS, squares, at + LANES);
        for (int j = from; j < to; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector w = FloatVector.broadcast(FLOATS, weights[positions[j]]);
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

    private static void moments1(long column, long rowBytes, int[] index, int[] positions, float[] weights,
            int from, int to, float[] sum, float[] squares, int at) {
        FloatVector s = FloatVector.fromArray(FLOATS, sum, at);
        FloatVector q = FloatVector.fromArray(FLOATS, squares, at);
        for (int j = from; j < to; j++) {
            FloatVector v = Lanes.load(column + index[j] * rowBytes);
            FloatVector wv = v.mul(FloatVector.broadcast(FLOATS, weights[positions[j]]));
            s = s.add(wv);
            q = wv.fma(v, q);
        }
        s.intoArray(sum, at);
        q.intoArray(squares, at);
    }

    /** sum += Σ w_j x_j and tilt_r += Σ w_j (u_r·k_j) x_j for four directions u over list entries [from, to). */
    static void tilted(Rows x, NodeScratch node, int from, int to, float[] sum, int at, float[] tilt) {
        int c = 0;
        for (; c + 2 * LANES <= x.stride(); c += 2 * LANES) {
            tilted2(x.address() + c * 4L, x.stride(), node.folded, node.positions, node.weights, node.components,
                    node.capacity, from, to, sum, at + c, tilt, c);
        }
        if (c < x.stride()) {
            tilted1(x.address() + c * 4L, x.stride(), node.folded, node.positions, node.weights, node.components,
                    node.capacity, from, to, sum, at + c, tilt, c);
        }
    }

    private static void tilted2(long column, int stride, int[] index, int[] positions, float[] weights,
            float[] components, int capacity, int from, int to, float[] sum, int at, float[] tilt, int c) {
        FloatVector s0 = FloatVector.fromArray(FLOATS, sum, at);
        FloatVector s1 = FloatVector.fromArray(FLOATS, sum, at + LANES);
        FloatVector a0 = FloatVector.fromArray(FLOATS, tilt, c);
        FloatVector a1 = FloatVector.fromArray(FLOATS, tilt, c + stride);
        FloatVector a2 = FloatVector.fromArray(FLOATS, tilt, c + 2 * stride);
        FloatVector a3 = FloatVector.fromArray(FLOATS, tilt, c + 3 * stride);
        FloatVector b0 = FloatVector.fromArray(FLOATS, tilt, c + LANES);
        FloatVector b1 = FloatVector.fromArray(FLOATS, tilt, c + stride + LANES);
        FloatVector b2 = FloatVector.fromArray(FLOATS, tilt, c + 2 * stride + LANES);
        FloatVector b3 = FloatVector.fromArray(FLOATS, tilt, c + 3 * stride + LANES);
        long rowBytes = stride * 4L;
        for (int j = from; j < to; j++) {
            long row = column + index[j] * rowBytes;
            int p = positions[j];
            FloatVector w = FloatVector.broadcast(FLOATS, weights[p]);
            FloatVector v0 = Lanes.load(row).mul(w);
            FloatVector v1 = Lanes.load(row + Lanes.VECTOR_BYTES).mul(w);
            FloatVector t0 = FloatVector.broadcast(FLOATS, components[p]);
            FloatVector t1 = FloatVector.broadcast(FLOATS, components[p + capacity]);
            FloatVector t2 = FloatVector.broadcast(FLOATS, components[p + 2 * capacity]);
            FloatVector t3 = FloatVector.broadcast(FLOATS, components[p + 3 * capacity]);
            s0 = s0.add(v0);
            s1 = s1.add(v1);
            a0 = v0.fma(t0, a0);
            b0 = v1.fma(t0, b0);
            a1 = v0.fma(t1, a1);
            b1 = v1.fma(t1, b1);
            a2 = v0.fma(t2, a2);
            b2 = v1.fma(t2, b2);
            a3 = v0.fma(t3, a3);
            b3 = v1.fma(t3, b3);
        }
        s0.intoArray(sum, at);
        s1.intoArray(sum, at + LANES);
        a0.intoArray(tilt, c);
        a1.intoArray(tilt, c + stride);
        a2.intoArray(tilt, c + 2 * stride);
        a3.intoArray(tilt, c + 3 * stride);
        b0.intoArray(tilt, c + LANES);
        b1.intoArray(tilt, c + stride + LANES);
        b2.intoArray(tilt, c + 2 * stride + LANES);
        b3.intoArray(tilt, c + 3 * stride + LANES);
    }

    private static void tilted1(long column, int stride, int[] index, int[] positions, float[] weights,
            float[] components, int capacity, int from, int to, float[] sum, int at, float[] tilt, int c) {
        FloatVector s = FloatVector.fromArray(FLOATS, sum, at);
        FloatVector a0 = FloatVector.fromArray(FLOATS, tilt, c);
        FloatVector a1 = FloatVector.fromArray(FLOATS, tilt, c + stride);
        FloatVector a2 = FloatVector.fromArray(FLOATS, tilt, c + 2 * stride);
        FloatVector a3 = FloatVector.fromArray(FLOATS, tilt, c + 3 * stride);
        long rowBytes = stride * 4L;
        for (int j = from; j < to; j++) {
            int p = positions[j];
            FloatVector v = Lanes.load(column + index[j] * rowBytes).mul(FloatVector.broadcast(FLOATS, weights[p]));
            s = s.add(v);
            a0 = v.fma(FloatVector.broadcast(FLOATS, components[p]), a0);
            a1 = v.fma(FloatVector.broadcast(FLOATS, components[p + capacity]), a1);
            a2 = v.fma(FloatVector.broadcast(FLOATS, components[p + 2 * capacity]), a2);
            a3 = v.fma(FloatVector.broadcast(FLOATS, components[p + 3 * capacity]), a3);
        }
        s.intoArray(sum, at);
        a0.intoArray(tilt, c);
        a1.intoArray(tilt, c + stride);
        a2.intoArray(tilt, c + 2 * stride);
        a3.intoArray(tilt, c + 3 * stride);
    }
}
