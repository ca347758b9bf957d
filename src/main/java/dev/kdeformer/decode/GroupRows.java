package dev.kdeformer.decode;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;
import static dev.kdeformer.kernel.Lanes.DEPTH;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.ValueKernel;
import dev.kdeformer.runtime.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Turns groups of keys, which are feature-major, into rows and back, a group at a time; rows are whole vectors long,
 * zeros after the last feature. Rows may be taken in the metric of the queries, that is as Lᵀ·k for the lower factor L
 * of their second moment.
 */
final class GroupRows {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final int d;
    private final int stride;
    private final int padded;
    /** Row c of Lᵀ in the layout of a left operand, features beyond DEPTH in further blocks of rows; null without L. */
    private final float[] turned;
    private final float[] lines;
    private final float[] rows;

    /**
     * Room for the rows of a group of keys with d features, times a factor L.
     *
     * @param factor L, d × d, or null for the identity
     */
    GroupRows(int d, double[] factor) {
        this.d = d;
        this.stride = Lanes.padColumns(d);
        this.padded = Lanes.roundUp(d, ValueKernel.ROW_MULTIPLE);
        this.lines = new float[padded * GROUP];
        this.rows = new float[GROUP * stride];
        this.turned = factor == null ? null : new float[Math.ceilDiv(d, DEPTH) * padded * STRIDE];
        for (int i = 0; i < d && factor != null; i++) {
            for (int c = 0; c <= i; c++) {
                turned[i / DEPTH * padded * STRIDE + c * STRIDE + i % DEPTH] = (float) factor[i * d + c];
            }
        }
    }

    /** Writes the keys of the group at an address as rows in the metric to another address. */
    void readTurned(long group, long target) {
        if (turned == null) {
            read(group, target);
            return;
        }
        Arrays.fill(lines, 0);
        for (int i = 0; i < d; i += DEPTH) {
            for (int v = 0; v < GROUP / LANES; v += ValueKernel.WIDEST) {
                ValueKernel.add(turned, i / DEPTH * padded * STRIDE, d, Math.min(DEPTH, d - i),
                        group + (long) i * GROUP * Float.BYTES + v * VECTOR_BYTES, GROUP * 4L,
                        Math.min(ValueKernel.WIDEST, GROUP / LANES - v), lines, v * LANES, GROUP);
            }
        }
        turn(target);
    }

    /** Writes the keys of the group at an address as rows to another address. */
    void read(long group, long target) {
        MemorySegment.copy(Memory.ALL, FLOAT, group, lines, 0, d * GROUP);
        turn(target);
    }

    private void turn(long target) {
        for (int c = 0; c < d; c++) {
            for (int j = 0; j < GROUP; j++) {
                rows[j * stride + c] = lines[c * GROUP + j];
            }
        }
        MemorySegment.copy(rows, 0, Memory.ALL, FLOAT, target, GROUP * stride);
    }

    /**
     * Writes rows as a group.
     *
     * @param source address of the rows
     * @param order  the rows to take, GROUP of them from index {@code at} on
     */
    void write(long source, int[] order, int at, long group) {
        for (int j = 0; j < GROUP; j++) {
            MemorySegment.copy(Memory.ALL, FLOAT, source + (long) order[at + j] * stride * Float.BYTES, rows,
                    j * stride,
                    stride);
        }
        for (int j = 0; j < GROUP; j++) {
            for (int c = 0; c < d; c++) {
                lines[c * GROUP + j] = rows[j * stride + c];
            }
        }
        MemorySegment.copy(lines, 0, Memory.ALL, FLOAT, group, d * GROUP);
    }
}
