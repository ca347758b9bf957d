package dev.kdeformer.train;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.runtime.Memory;
import java.lang.foreign.Arena;
import jdk.incubator.vector.FloatVector;

/**
 * The right operand of a matrix product, off-heap, in panels of {@link #WIDTH} columns: what a register tile reads for
 * one step of the inner dimension lies together, and a panel of {@link Lanes#DEPTH} steps stays in the first cache.
 */
final class Panels {
    /** Columns of a panel. */
    static final int WIDTH = 2 * LANES;

    /** Bytes from one inner step of a panel to the next. */
    static final long LINE = WIDTH * 4L;

    private final long address;
    private final int inner;
    private final int columns;

    /**
     * Panels over scratch memory.
     *
     * @param address of {@link #floats} floats, aligned to 64 bytes
     * @param columns a multiple of WIDTH
     */
    Panels(long address, int inner, int columns) {
        this.address = address;
        this.inner = inner;
        this.columns = columns;
    }

    /** New panels that live as long as an arena. */
    static Panels allocate(Arena arena, int inner, int columns) {
        return new Panels(arena.allocate(4 * floats(inner, columns), 64).address(), inner, columns);
    }

    static long floats(int inner, int columns) {
        return (long) inner * columns;
    }

    int inner() {
        return inner;
    }

    int columns() {
        return columns;
    }

    /** The address of inner step {@code step} of the panel that begins with column {@code column}. */
    long at(int step, int column) {
        return address + ((long) (column / WIDTH) * inner + step) * LINE;
    }

    /** Copies inner steps [from, to) from a row-major matrix whose first row of these is at {@code at}. */
    void pack(float[] matrix, int at, int from, int to) {
        for (int step = from; step < to; step++) {
            int row = at + (step - from) * columns;
            for (int c = 0; c < columns; c += WIDTH) {
                long line = at(step, c);
                Lanes.store(FloatVector.fromArray(FLOATS, matrix, row + c), line);
                Lanes.store(FloatVector.fromArray(FLOATS, matrix, row + c + LANES), line + Lanes.VECTOR_BYTES);
            }
        }
    }

    /** Copies the transpose of a row-major matrix of {@code columns} rows. */
    void packTransposed(float[] matrix) {
        for (int c = 0; c < columns; c += WIDTH) {
            for (int step = 0; step < inner; step++) {
                long line = at(step, c);
                for (int i = 0; i < WIDTH; i++) {
                    Memory.putFloat(line + i * 4L, matrix[(c + i) * inner + step]);
                }
            }
        }
    }
}
