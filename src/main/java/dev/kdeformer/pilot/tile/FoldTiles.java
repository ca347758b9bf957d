package dev.kdeformer.pilot.tile;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;
import static dev.kdeformer.pilot.tile.FoldBlock.ROOM;
import static dev.kdeformer.runtime.MultiplyAdd.FUSED;

import dev.kdeformer.kernel.Lanes;
import jdk.incubator.vector.FloatVector;

/**
 * The register tiles of {@link FoldKernel}, named by nodes × vectors. Written by FoldBodies in the
 * tests, which is what to change.
 */
final class FoldTiles {
    private FoldTiles() {
    }

    static void moments4x2(long column, long rowBytes, FoldBlock block, int node, float[] sums, int at,
            int width) {
        int[] index = block.index;
        float[] weights = block.weights;
        int from = node * ROOM;
        int count = block.count;
        int squares = at + (int) (rowBytes / Float.BYTES);
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector q00 = FloatVector.fromArray(FLOATS, sums, squares);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, at + LANES);
        FloatVector q01 = FloatVector.fromArray(FLOATS, sums, squares + LANES);
        FloatVector s10 = FloatVector.fromArray(FLOATS, sums, at + width);
        FloatVector q10 = FloatVector.fromArray(FLOATS, sums, squares + width);
        FloatVector s11 = FloatVector.fromArray(FLOATS, sums, at + width + LANES);
        FloatVector q11 = FloatVector.fromArray(FLOATS, sums, squares + width + LANES);
        FloatVector s20 = FloatVector.fromArray(FLOATS, sums, at + 2 * width);
        FloatVector q20 = FloatVector.fromArray(FLOATS, sums, squares + 2 * width);
        FloatVector s21 = FloatVector.fromArray(FLOATS, sums, at + 2 * width + LANES);
        FloatVector q21 = FloatVector.fromArray(FLOATS, sums, squares + 2 * width + LANES);
        FloatVector s30 = FloatVector.fromArray(FLOATS, sums, at + 3 * width);
        FloatVector q30 = FloatVector.fromArray(FLOATS, sums, squares + 3 * width);
        FloatVector s31 = FloatVector.fromArray(FLOATS, sums, at + 3 * width + LANES);
        FloatVector q31 = FloatVector.fromArray(FLOATS, sums, squares + 3 * width + LANES);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector x0 = v0.mul(v0);
            FloatVector v1 = Lanes.load(row + VECTOR_BYTES);
            FloatVector x1 = v1.mul(v1);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = FUSED ? w0.fma(v0, s00) : w0.mul(v0).add(s00);
            q00 = FUSED ? w0.fma(x0, q00) : w0.mul(x0).add(q00);
            s01 = FUSED ? w0.fma(v1, s01) : w0.mul(v1).add(s01);
            q01 = FUSED ? w0.fma(x1, q01) : w0.mul(x1).add(q01);
            FloatVector w1 = FloatVector.broadcast(FLOATS, weights[from + ROOM + j]);
            s10 = FUSED ? w1.fma(v0, s10) : w1.mul(v0).add(s10);
            q10 = FUSED ? w1.fma(x0, q10) : w1.mul(x0).add(q10);
            s11 = FUSED ? w1.fma(v1, s11) : w1.mul(v1).add(s11);
            q11 = FUSED ? w1.fma(x1, q11) : w1.mul(x1).add(q11);
            FloatVector w2 = FloatVector.broadcast(FLOATS, weights[from + 2 * ROOM + j]);
            s20 = FUSED ? w2.fma(v0, s20) : w2.mul(v0).add(s20);
            q20 = FUSED ? w2.fma(x0, q20) : w2.mul(x0).add(q20);
            s21 = FUSED ? w2.fma(v1, s21) : w2.mul(v1).add(s21);
            q21 = FUSED ? w2.fma(x1, q21) : w2.mul(x1).add(q21);
            FloatVector w3 = FloatVector.broadcast(FLOATS, weights[from + 3 * ROOM + j]);
            s30 = FUSED ? w3.fma(v0, s30) : w3.mul(v0).add(s30);
            q30 = FUSED ? w3.fma(x0, q30) : w3.mul(x0).add(q30);
            s31 = FUSED ? w3.fma(v1, s31) : w3.mul(v1).add(s31);
            q31 = FUSED ? w3.fma(x1, q31) : w3.mul(x1).add(q31);
        }
        s00.intoArray(sums, at);
        q00.intoArray(sums, squares);
        s01.intoArray(sums, at + LANES);
        q01.intoArray(sums, squares + LANES);
        s10.intoArray(sums, at + width);
        q10.intoArray(sums, squares + width);
        s11.intoArray(sums, at + width + LANES);
        q11.intoArray(sums, squares + width + LANES);
        s20.intoArray(sums, at + 2 * width);
        q20.intoArray(sums, squares + 2 * width);
        s21.intoArray(sums, at + 2 * width + LANES);
        q21.intoArray(sums, squares + 2 * width + LANES);
        s30.intoArray(sums, at + 3 * width);
        q30.intoArray(sums, squares + 3 * width);
        s31.intoArray(sums, at + 3 * width + LANES);
        q31.intoArray(sums, squares + 3 * width + LANES);
    }

    static void sum4x2(long column, long rowBytes, FoldBlock block, int node, float[] sums, int at,
            int width) {
        int[] index = block.index;
        float[] weights = block.weights;
        int from = node * ROOM;
        int count = block.count;
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, at + LANES);
        FloatVector s10 = FloatVector.fromArray(FLOATS, sums, at + width);
        FloatVector s11 = FloatVector.fromArray(FLOATS, sums, at + width + LANES);
        FloatVector s20 = FloatVector.fromArray(FLOATS, sums, at + 2 * width);
        FloatVector s21 = FloatVector.fromArray(FLOATS, sums, at + 2 * width + LANES);
        FloatVector s30 = FloatVector.fromArray(FLOATS, sums, at + 3 * width);
        FloatVector s31 = FloatVector.fromArray(FLOATS, sums, at + 3 * width + LANES);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector v1 = Lanes.load(row + VECTOR_BYTES);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = FUSED ? w0.fma(v0, s00) : w0.mul(v0).add(s00);
            s01 = FUSED ? w0.fma(v1, s01) : w0.mul(v1).add(s01);
            FloatVector w1 = FloatVector.broadcast(FLOATS, weights[from + ROOM + j]);
            s10 = FUSED ? w1.fma(v0, s10) : w1.mul(v0).add(s10);
            s11 = FUSED ? w1.fma(v1, s11) : w1.mul(v1).add(s11);
            FloatVector w2 = FloatVector.broadcast(FLOATS, weights[from + 2 * ROOM + j]);
            s20 = FUSED ? w2.fma(v0, s20) : w2.mul(v0).add(s20);
            s21 = FUSED ? w2.fma(v1, s21) : w2.mul(v1).add(s21);
            FloatVector w3 = FloatVector.broadcast(FLOATS, weights[from + 3 * ROOM + j]);
            s30 = FUSED ? w3.fma(v0, s30) : w3.mul(v0).add(s30);
            s31 = FUSED ? w3.fma(v1, s31) : w3.mul(v1).add(s31);
        }
        s00.intoArray(sums, at);
        s01.intoArray(sums, at + LANES);
        s10.intoArray(sums, at + width);
        s11.intoArray(sums, at + width + LANES);
        s20.intoArray(sums, at + 2 * width);
        s21.intoArray(sums, at + 2 * width + LANES);
        s30.intoArray(sums, at + 3 * width);
        s31.intoArray(sums, at + 3 * width + LANES);
    }

    static void moments4x1(long column, long rowBytes, FoldBlock block, int node, float[] sums, int at,
            int width) {
        int[] index = block.index;
        float[] weights = block.weights;
        int from = node * ROOM;
        int count = block.count;
        int squares = at + (int) (rowBytes / Float.BYTES);
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector q00 = FloatVector.fromArray(FLOATS, sums, squares);
        FloatVector s10 = FloatVector.fromArray(FLOATS, sums, at + width);
        FloatVector q10 = FloatVector.fromArray(FLOATS, sums, squares + width);
        FloatVector s20 = FloatVector.fromArray(FLOATS, sums, at + 2 * width);
        FloatVector q20 = FloatVector.fromArray(FLOATS, sums, squares + 2 * width);
        FloatVector s30 = FloatVector.fromArray(FLOATS, sums, at + 3 * width);
        FloatVector q30 = FloatVector.fromArray(FLOATS, sums, squares + 3 * width);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector x0 = v0.mul(v0);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = FUSED ? w0.fma(v0, s00) : w0.mul(v0).add(s00);
            q00 = FUSED ? w0.fma(x0, q00) : w0.mul(x0).add(q00);
            FloatVector w1 = FloatVector.broadcast(FLOATS, weights[from + ROOM + j]);
            s10 = FUSED ? w1.fma(v0, s10) : w1.mul(v0).add(s10);
            q10 = FUSED ? w1.fma(x0, q10) : w1.mul(x0).add(q10);
            FloatVector w2 = FloatVector.broadcast(FLOATS, weights[from + 2 * ROOM + j]);
            s20 = FUSED ? w2.fma(v0, s20) : w2.mul(v0).add(s20);
            q20 = FUSED ? w2.fma(x0, q20) : w2.mul(x0).add(q20);
            FloatVector w3 = FloatVector.broadcast(FLOATS, weights[from + 3 * ROOM + j]);
            s30 = FUSED ? w3.fma(v0, s30) : w3.mul(v0).add(s30);
            q30 = FUSED ? w3.fma(x0, q30) : w3.mul(x0).add(q30);
        }
        s00.intoArray(sums, at);
        q00.intoArray(sums, squares);
        s10.intoArray(sums, at + width);
        q10.intoArray(sums, squares + width);
        s20.intoArray(sums, at + 2 * width);
        q20.intoArray(sums, squares + 2 * width);
        s30.intoArray(sums, at + 3 * width);
        q30.intoArray(sums, squares + 3 * width);
    }

    static void sum4x1(long column, long rowBytes, FoldBlock block, int node, float[] sums, int at,
            int width) {
        int[] index = block.index;
        float[] weights = block.weights;
        int from = node * ROOM;
        int count = block.count;
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector s10 = FloatVector.fromArray(FLOATS, sums, at + width);
        FloatVector s20 = FloatVector.fromArray(FLOATS, sums, at + 2 * width);
        FloatVector s30 = FloatVector.fromArray(FLOATS, sums, at + 3 * width);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = FUSED ? w0.fma(v0, s00) : w0.mul(v0).add(s00);
            FloatVector w1 = FloatVector.broadcast(FLOATS, weights[from + ROOM + j]);
            s10 = FUSED ? w1.fma(v0, s10) : w1.mul(v0).add(s10);
            FloatVector w2 = FloatVector.broadcast(FLOATS, weights[from + 2 * ROOM + j]);
            s20 = FUSED ? w2.fma(v0, s20) : w2.mul(v0).add(s20);
            FloatVector w3 = FloatVector.broadcast(FLOATS, weights[from + 3 * ROOM + j]);
            s30 = FUSED ? w3.fma(v0, s30) : w3.mul(v0).add(s30);
        }
        s00.intoArray(sums, at);
        s10.intoArray(sums, at + width);
        s20.intoArray(sums, at + 2 * width);
        s30.intoArray(sums, at + 3 * width);
    }

    static void moments1x2(long column, long rowBytes, FoldBlock block, int node, float[] sums, int at) {
        int[] index = block.index;
        float[] weights = block.weights;
        int from = node * ROOM;
        int count = block.count;
        int squares = at + (int) (rowBytes / Float.BYTES);
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector q00 = FloatVector.fromArray(FLOATS, sums, squares);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, at + LANES);
        FloatVector q01 = FloatVector.fromArray(FLOATS, sums, squares + LANES);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector x0 = v0.mul(v0);
            FloatVector v1 = Lanes.load(row + VECTOR_BYTES);
            FloatVector x1 = v1.mul(v1);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = FUSED ? w0.fma(v0, s00) : w0.mul(v0).add(s00);
            q00 = FUSED ? w0.fma(x0, q00) : w0.mul(x0).add(q00);
            s01 = FUSED ? w0.fma(v1, s01) : w0.mul(v1).add(s01);
            q01 = FUSED ? w0.fma(x1, q01) : w0.mul(x1).add(q01);
        }
        s00.intoArray(sums, at);
        q00.intoArray(sums, squares);
        s01.intoArray(sums, at + LANES);
        q01.intoArray(sums, squares + LANES);
    }

    static void sum1x2(long column, long rowBytes, FoldBlock block, int node, float[] sums, int at) {
        int[] index = block.index;
        float[] weights = block.weights;
        int from = node * ROOM;
        int count = block.count;
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, at + LANES);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector v1 = Lanes.load(row + VECTOR_BYTES);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = FUSED ? w0.fma(v0, s00) : w0.mul(v0).add(s00);
            s01 = FUSED ? w0.fma(v1, s01) : w0.mul(v1).add(s01);
        }
        s00.intoArray(sums, at);
        s01.intoArray(sums, at + LANES);
    }

    static void moments1x1(long column, long rowBytes, FoldBlock block, int node, float[] sums, int at) {
        int[] index = block.index;
        float[] weights = block.weights;
        int from = node * ROOM;
        int count = block.count;
        int squares = at + (int) (rowBytes / Float.BYTES);
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector q00 = FloatVector.fromArray(FLOATS, sums, squares);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector x0 = v0.mul(v0);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = FUSED ? w0.fma(v0, s00) : w0.mul(v0).add(s00);
            q00 = FUSED ? w0.fma(x0, q00) : w0.mul(x0).add(q00);
        }
        s00.intoArray(sums, at);
        q00.intoArray(sums, squares);
    }

    static void sum1x1(long column, long rowBytes, FoldBlock block, int node, float[] sums, int at) {
        int[] index = block.index;
        float[] weights = block.weights;
        int from = node * ROOM;
        int count = block.count;
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = FUSED ? w0.fma(v0, s00) : w0.mul(v0).add(s00);
        }
        s00.intoArray(sums, at);
    }
}
