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

    /**
     * sum = Σ w_j x_j over list entries [from, to).
     *
     * @return Σ w_j
     */
    static float sum(Rows x, int[] index, float[] weights, int from, int to, float[] sum, int at) {
        float mass = 0;
        for (int c = 0; c < x.stride(); c += 2 * LANES) {
            // An odd last vector is taken twice.
            int second = Math.min(c + LANES, x.stride() - LANES);
            mass = sum2(x.address() + c * 4L, (second - c) * 4L, x.stride() * 4L, index, weights, from, to,
                    sum, at + c, at + second);
        }
        return mass;
    }

    private static float sum2(long column, long second, long rowBytes, int[] index, float[] weights, int from, int to,
            float[] sum, int at, int secondAt) {
        FloatVector mass = FloatVector.zero(FLOATS);
        FloatVector s0 = mass;
        FloatVector s1 = mass;
        for (int j = from; j < to; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector w = FloatVector.broadcast(FLOATS, weights[j]);
            mass = mass.add(w);
            s0 = Lanes.load(row).fma(w, s0);
            s1 = Lanes.load(row + second).fma(w, s1);
        }
        s0.intoArray(sum, at);
        s1.intoArray(sum, secondAt);
        return mass.lane(0);
    }

    /**
     * sum = Σ w_j x_j and tilt_r += Σ w_j c_rj (x_j − mean x) for the components c along four directions, over list
     * entries [from, to), at least one.
     *
     * @return Σ w_j
     */
    static float tilted(Rows x, NodeScratch node, int from, int to, float[] sum, int at, float[] tilt) {
        float mass = 0;
        int c = 0;
        for (; c + 2 * LANES <= x.stride(); c += 2 * LANES) {
            mass = tilted2(x.address() + c * 4L, x.stride(), node.folded, node.foldedWeights, node.foldedComponents,
                    node.capacity, from, to, sum, at + c, tilt, c);
        }
        if (c < x.stride()) {
            mass = tilted1(x.address() + c * 4L, x.stride(), node.folded, node.foldedWeights, node.foldedComponents,
                    node.capacity, from, to, sum, at + c, tilt, c);
        }
        return mass;
    }

    private static float tilted2(long column, int stride, int[] index, float[] weights, float[] components,
            int capacity, int from, int to, float[] sum, int at, float[] tilt, int c) {
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector s0 = zero;
        FloatVector s1 = zero;
        FloatVector a0 = zero, a1 = zero, a2 = zero, a3 = zero;
        FloatVector b0 = zero, b1 = zero, b2 = zero, b3 = zero;
        // Σ w and Σ w c, the same in all lanes.
        FloatVector mass = zero;
        FloatVector m0 = zero, m1 = zero, m2 = zero, m3 = zero;
        long rowBytes = stride * 4L;
        for (int j = from; j < to; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector w = FloatVector.broadcast(FLOATS, weights[j]);
            mass = mass.add(w);
            FloatVector v0 = Lanes.load(row).mul(w);
            s0 = s0.add(v0);
            FloatVector v1 = Lanes.load(row + Lanes.VECTOR_BYTES).mul(w);
            s1 = s1.add(v1);
            FloatVector t0 = FloatVector.broadcast(FLOATS, components[j]);
            a0 = v0.fma(t0, a0);
            b0 = v1.fma(t0, b0);
            m0 = w.fma(t0, m0);
            FloatVector t1 = FloatVector.broadcast(FLOATS, components[j + capacity]);
            a1 = v0.fma(t1, a1);
            b1 = v1.fma(t1, b1);
            m1 = w.fma(t1, m1);
            FloatVector t2 = FloatVector.broadcast(FLOATS, components[j + 2 * capacity]);
            a2 = v0.fma(t2, a2);
            b2 = v1.fma(t2, b2);
            m2 = w.fma(t2, m2);
            FloatVector t3 = FloatVector.broadcast(FLOATS, components[j + 3 * capacity]);
            a3 = v0.fma(t3, a3);
            b3 = v1.fma(t3, b3);
            m3 = w.fma(t3, m3);
        }
        s0.intoArray(sum, at);
        s1.intoArray(sum, at + LANES);
        FloatVector n0 = m0.div(mass).neg();
        addTo(tilt, c, n0.fma(s0, a0));
        addTo(tilt, c + LANES, n0.fma(s1, b0));
        FloatVector n1 = m1.div(mass).neg();
        addTo(tilt, c + stride, n1.fma(s0, a1));
        addTo(tilt, c + stride + LANES, n1.fma(s1, b1));
        FloatVector n2 = m2.div(mass).neg();
        addTo(tilt, c + 2 * stride, n2.fma(s0, a2));
        addTo(tilt, c + 2 * stride + LANES, n2.fma(s1, b2));
        FloatVector n3 = m3.div(mass).neg();
        addTo(tilt, c + 3 * stride, n3.fma(s0, a3));
        addTo(tilt, c + 3 * stride + LANES, n3.fma(s1, b3));
        return mass.lane(0);
    }

    private static float tilted1(long column, int stride, int[] index, float[] weights, float[] components,
            int capacity, int from, int to, float[] sum, int at, float[] tilt, int c) {
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector s0 = zero;
        FloatVector a0 = zero, a1 = zero, a2 = zero, a3 = zero;
        // Σ w and Σ w c, the same in all lanes.
        FloatVector mass = zero;
        FloatVector m0 = zero, m1 = zero, m2 = zero, m3 = zero;
        long rowBytes = stride * 4L;
        for (int j = from; j < to; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector w = FloatVector.broadcast(FLOATS, weights[j]);
            mass = mass.add(w);
            FloatVector v0 = Lanes.load(row).mul(w);
            s0 = s0.add(v0);
            FloatVector t0 = FloatVector.broadcast(FLOATS, components[j]);
            a0 = v0.fma(t0, a0);
            m0 = w.fma(t0, m0);
            FloatVector t1 = FloatVector.broadcast(FLOATS, components[j + capacity]);
            a1 = v0.fma(t1, a1);
            m1 = w.fma(t1, m1);
            FloatVector t2 = FloatVector.broadcast(FLOATS, components[j + 2 * capacity]);
            a2 = v0.fma(t2, a2);
            m2 = w.fma(t2, m2);
            FloatVector t3 = FloatVector.broadcast(FLOATS, components[j + 3 * capacity]);
            a3 = v0.fma(t3, a3);
            m3 = w.fma(t3, m3);
        }
        s0.intoArray(sum, at);
        FloatVector n0 = m0.div(mass).neg();
        addTo(tilt, c, n0.fma(s0, a0));
        FloatVector n1 = m1.div(mass).neg();
        addTo(tilt, c + stride, n1.fma(s0, a1));
        FloatVector n2 = m2.div(mass).neg();
        addTo(tilt, c + 2 * stride, n2.fma(s0, a2));
        FloatVector n3 = m3.div(mass).neg();
        addTo(tilt, c + 3 * stride, n3.fma(s0, a3));
        return mass.lane(0);
    }

    private static void addTo(float[] x, int at, FloatVector v) {
        FloatVector.fromArray(FLOATS, x, at).add(v).intoArray(x, at);
    }
}
