package dev.kdeformer.pilot;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.kernel.Lanes;
import jdk.incubator.vector.FloatVector;

/** Weighted sums of rows picked by index: what folding keys into groups is made of. */
final class FoldKernel {
    private FoldKernel() {
    }

    /** sum += Σ w_j x_j and squares += Σ w_j x_j² over list entries [from, to). */
    static void moments(Rows x, int[] index, float[] weights, int from, int to, float[] sum, float[] squares, int at) {
        for (int c = 0; c < x.stride(); c += LANES) {
            long column = x.address() + c * 4L;
            long rowBytes = x.stride() * 4L;
            FloatVector s = FloatVector.fromArray(FLOATS, sum, at + c);
            FloatVector q = FloatVector.fromArray(FLOATS, squares, at + c);
            for (int j = from; j < to; j++) {
                FloatVector v = Lanes.load(column + index[j] * rowBytes);
                FloatVector wv = v.mul(FloatVector.broadcast(FLOATS, weights[j]));
                s = s.add(wv);
                q = wv.fma(v, q);
            }
            s.intoArray(sum, at + c);
            q.intoArray(squares, at + c);
        }
    }

    /**
     * sum += Σ w_j x_j and tilt_r += Σ t_rj x_j for four sets of weights t over list entries [from, to).
     *
     * @param tilts weights: set r starts at {@code r · tiltStride}
     * @param tilt  sums: set r starts at {@code r · x.stride()}
     */
    static void tilted(Rows x, int[] index, float[] weights, float[] tilts, int tiltStride, int from, int to,
            float[] sum, int at, float[] tilt) {
        int stride = x.stride();
        for (int c = 0; c < stride; c += LANES) {
            long column = x.address() + c * 4L;
            long rowBytes = stride * 4L;
            FloatVector s = FloatVector.fromArray(FLOATS, sum, at + c);
            FloatVector t0 = FloatVector.fromArray(FLOATS, tilt, c);
            FloatVector t1 = FloatVector.fromArray(FLOATS, tilt, c + stride);
            FloatVector t2 = FloatVector.fromArray(FLOATS, tilt, c + 2 * stride);
            FloatVector t3 = FloatVector.fromArray(FLOATS, tilt, c + 3 * stride);
            for (int j = from; j < to; j++) {
                FloatVector v = Lanes.load(column + index[j] * rowBytes);
                s = v.fma(FloatVector.broadcast(FLOATS, weights[j]), s);
                t0 = v.fma(FloatVector.broadcast(FLOATS, tilts[j]), t0);
                t1 = v.fma(FloatVector.broadcast(FLOATS, tilts[j + tiltStride]), t1);
                t2 = v.fma(FloatVector.broadcast(FLOATS, tilts[j + 2 * tiltStride]), t2);
                t3 = v.fma(FloatVector.broadcast(FLOATS, tilts[j + 3 * tiltStride]), t3);
            }
            s.intoArray(sum, at + c);
            t0.intoArray(tilt, c);
            t1.intoArray(tilt, c + stride);
            t2.intoArray(tilt, c + 2 * stride);
            t3.intoArray(tilt, c + 3 * stride);
        }
    }
}
