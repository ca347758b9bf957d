package dev.kdeformer.pilot;

import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import jdk.incubator.vector.FloatVector;

/**
 * A row-major matrix in scratch memory, whole vectors to a row; the columns after the last one are zeros.
 *
 * @param stride floats from row to row
 */
record Rows(long address, int count, int columns, int stride) {
    static Rows allocate(Scratch scratch, int count, int columns) {
        int stride = Lanes.padColumns(columns);
        return new Rows(scratch.floats((long) count * stride), count, columns, stride);
    }

    static long bytes(int count, int columns) {
        return (long) count * Lanes.padColumns(columns) * Float.BYTES;
    }

    long row(int index) {
        return address + ((long) index * stride << 2);
    }

    float get(int row, int column) {
        return Memory.getFloat(row(row) + column * 4L);
    }

    /** Copies a row, padding included, into an array. */
    void read(int row, float[] target, int at) {
        long from = row(row);
        for (int c = 0; c < stride; c += LANES) {
            Lanes.load(from + c * 4L).intoArray(target, at + c);
        }
    }

    /** Sets a row from an array that holds at least {@code columns} floats from {@code at} on. */
    void write(int row, float[] source, int at) {
        long to = row(row);
        int whole = columns / LANES * LANES;
        for (int c = 0; c < whole; c += LANES) {
            Lanes.store(FloatVector.fromArray(Lanes.FLOATS, source, at + c), to + c * 4L);
        }
        for (int c = whole; c < columns; c++) {
            Memory.putFloat(to + c * 4L, source[at + c]);
        }
        for (int c = columns; c < stride; c++) {
            Memory.putFloat(to + c * 4L, 0);
        }
    }
}
