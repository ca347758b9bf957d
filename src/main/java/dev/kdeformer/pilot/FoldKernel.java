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

    /**
     * sums_r += Σ w_j c_rj for the components c along four directions, over list entries [from, to).
     *
     * @return mass + Σ w_j
     */
    static float masses(NodeScratch node, int from, int to, float mass, float[] sums) {
        float[] weights = node.foldedWeights;
        float[] components = node.foldedComponents;
        int capacity = node.capacity;
        float total = mass;
        float m0 = sums[0];
        float m1 = sums[1];
        float m2 = sums[2];
        float m3 = sums[3];
        for (int j = from; j < to; j++) {
            float w = weights[j];
            total += w;
            m0 = Math.fma(w, components[j], m0);
            m1 = Math.fma(w, components[j + capacity], m1);
            m2 = Math.fma(w, components[j + 2 * capacity], m2);
            m3 = Math.fma(w, components[j + 3 * capacity], m3);
        }
        sums[0] = m0;
        sums[1] = m1;
        sums[2] = m2;
        sums[3] = m3;
        return total;
    }

    /** sum += Σ w_j x_j and products_r += Σ w_j c_rj x_j for the components c along four directions. */
    static void products(Rows x, NodeScratch node, int from, int to, float[] sum, int at, float[] products) {
        int c = 0;
        for (; c + 2 * LANES <= x.stride(); c += 2 * LANES) {
            products2(x.address() + c * 4L, x.stride(), node.folded, node.foldedWeights, node.foldedComponents,
                    node.capacity, from, to, sum, at + c, products, c);
        }
        if (c < x.stride()) {
            products1(x.address() + c * 4L, x.stride(), node.folded, node.foldedWeights, node.foldedComponents,
                    node.capacity, from, to, sum, at + c, products, c);
        }
    }

    private static void products2(long column, int stride, int[] index, float[] weights, float[] components,
            int capacity, int from, int to, float[] sum, int at, float[] products, int c) {
        FloatVector s0 = FloatVector.fromArray(FLOATS, sum, at);
        FloatVector s1 = FloatVector.fromArray(FLOATS, sum, at + LANES);
        FloatVector a0 = FloatVector.fromArray(FLOATS, products, c);
        FloatVector b0 = FloatVector.fromArray(FLOATS, products, c + LANES);
        FloatVector a1 = FloatVector.fromArray(FLOATS, products, c + stride);
        FloatVector b1 = FloatVector.fromArray(FLOATS, products, c + stride + LANES);
        FloatVector a2 = FloatVector.fromArray(FLOATS, products, c + 2 * stride);
        FloatVector b2 = FloatVector.fromArray(FLOATS, products, c + 2 * stride + LANES);
        FloatVector a3 = FloatVector.fromArray(FLOATS, products, c + 3 * stride);
        FloatVector b3 = FloatVector.fromArray(FLOATS, products, c + 3 * stride + LANES);
        long rowBytes = stride * 4L;
        for (int j = from; j < to; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector w = FloatVector.broadcast(FLOATS, weights[j]);
            FloatVector v0 = Lanes.load(row).mul(w);
            s0 = s0.add(v0);
            FloatVector v1 = Lanes.load(row + Lanes.VECTOR_BYTES).mul(w);
            s1 = s1.add(v1);
            FloatVector t0 = FloatVector.broadcast(FLOATS, components[j]);
            a0 = v0.fma(t0, a0);
            b0 = v1.fma(t0, b0);
            FloatVector t1 = FloatVector.broadcast(FLOATS, components[j + capacity]);
            a1 = v0.fma(t1, a1);
            b1 = v1.fma(t1, b1);
            FloatVector t2 = FloatVector.broadcast(FLOATS, components[j + 2 * capacity]);
            a2 = v0.fma(t2, a2);
            b2 = v1.fma(t2, b2);
            FloatVector t3 = FloatVector.broadcast(FLOATS, components[j + 3 * capacity]);
            a3 = v0.fma(t3, a3);
            b3 = v1.fma(t3, b3);
        }
        s0.intoArray(sum, at);
        s1.intoArray(sum, at + LANES);
        a0.intoArray(products, c);
        b0.intoArray(products, c + LANES);
        a1.intoArray(products, c + stride);
        b1.intoArray(products, c + stride + LANES);
        a2.intoArray(products, c + 2 * stride);
        b2.intoArray(products, c + 2 * stride + LANES);
        a3.intoArray(products, c + 3 * stride);
        b3.intoArray(products, c + 3 * stride + LANES);
    }

    private static void products1(long column, int stride, int[] index, float[] weights, float[] components,
            int capacity, int from, int to, float[] sum, int at, float[] products, int c) {
        FloatVector s = FloatVector.fromArray(FLOATS, sum, at);
        FloatVector a0 = FloatVector.fromArray(FLOATS, products, c);
        FloatVector a1 = FloatVector.fromArray(FLOATS, products, c + stride);
        FloatVector a2 = FloatVector.fromArray(FLOATS, products, c + 2 * stride);
        FloatVector a3 = FloatVector.fromArray(FLOATS, products, c + 3 * stride);
        long rowBytes = stride * 4L;
        for (int j = from; j < to; j++) {
            FloatVector v = Lanes.load(column + index[j] * rowBytes).mul(FloatVector.broadcast(FLOATS, weights[j]));
            s = s.add(v);
            a0 = v.fma(FloatVector.broadcast(FLOATS, components[j]), a0);
            a1 = v.fma(FloatVector.broadcast(FLOATS, components[j + capacity]), a1);
            a2 = v.fma(FloatVector.broadcast(FLOATS, components[j + 2 * capacity]), a2);
            a3 = v.fma(FloatVector.broadcast(FLOATS, components[j + 3 * capacity]), a3);
        }
        s.intoArray(sum, at);
        a0.intoArray(products, c);
        a1.intoArray(products, c + stride);
        a2.intoArray(products, c + 2 * stride);
        a3.intoArray(products, c + 3 * stride);
    }
}
