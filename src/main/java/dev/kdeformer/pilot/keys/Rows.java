package dev.kdeformer.pilot.keys;

import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.RowsAt;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import jdk.incubator.vector.FloatVector;

/**
 * A row-major matrix in scratch memory, whole vectors to a row; the columns after the last one are zeros.
 *
 * @param stride floats from row to row
 */
public record Rows(long address, int count, int columns, int stride) {
    /** Rows that one task takes, so few that a head of 4,096 rows is work for several threads. */
    static final int CHUNK = 1024;

    /** Rows that are read from the caller's memory at a time. */
    private static final int BLOCK = 64;

    /** Makes room for rows, the contents of which are whatever the memory held. */
    public static Rows allocate(Scratch scratch, int count, int columns) {
        int stride = Lanes.padColumns(columns);
        return new Rows(scratch.floats((long) count * stride), count, columns, stride);
    }

    /** Bytes of so many rows, padding included. */
    public static long bytes(int count, int columns) {
        return (long) count * Lanes.padColumns(columns) * Float.BYTES;
    }

    /** These rows as kernels are told of them. */
    public RowsAt at() {
        return new RowsAt(address, stride);
    }

    /** Address of a row. */
    public long row(int index) {
        return address + ((long) index * stride << 2);
    }

    /** An element of a row. */
    public float get(int row, int column) {
        return Memory.getFloat(row(row) + column * 4L);
    }

    /** Copies a row, padding included, into an array. */
    public void read(int row, float[] target, int at) {
        long from = row(row);
        for (int c = 0; c < stride; c += LANES) {
            Lanes.load(from + c * 4L).intoArray(target, at + c);
        }
    }

    /** Sets a row from an array that holds at least {@code columns} floats from {@code at} on. */
    public void write(int row, float[] source, int at) {
        long to = row(row);
        int whole = columns / LANES * LANES;
        for (int c = 0; c < whole; c += LANES) {
            Lanes.store(FloatVector.fromArray(Lanes.FLOATS, source, at + c), to + c * 4L);
        }
        if (whole < columns) {
            Lanes.store(FloatVector.fromArray(Lanes.FLOATS, source, at + whole,
                    Lanes.FLOATS.indexInRange(0, columns - whole)), to + whole * 4L);
        }
    }

    /** Copies a row of {@code source}, which has the same stride. */
    void copy(int row, Rows source, int from) {
        long at = source.row(from);
        long to = row(row);
        for (int c = 0; c < stride; c += LANES) {
            Lanes.store(Lanes.load(at + c * 4L), to + c * 4L);
        }
    }

    /** Rows [from, to) of these, in the same memory. */
    public Rows slice(int from, int to) {
        return new Rows(row(from), to - from, columns, stride);
    }

    /** These rows in another order: row i of the result is row {@code order[i]}. */
    public Rows picked(int[] order, Team team) {
        Rows result = allocate(team.scratch(), order.length, columns);
        team.forRanges(order.length, CHUNK, (from, to, scratch) -> {
            for (int i = from; i < to; i++) {
                result.copy(i, this, order[i]);
            }
        });
        return result;
    }

    /**
     * Copies rows of the caller.
     *
     * @param order  the row of {@code source} for every row; null for all in their order
     * @param centre to be subtracted from every row; null for nothing
     * @param factor what every row is multiplied by then
     */
    public static Rows load(Matrix source, int[] order, float[] centre, float factor, Team team) {
        Rows result = allocate(team.scratch(), order == null ? source.rows() : order.length, source.columns());
        result.fill(source, order, centre, factor, team);
        return result;
    }

    /** Copies rows of the caller into these; arguments as for {@link #load}, with a row of the source for each. */
    public void fill(Matrix source, int[] order, float[] centre, float factor, Team team) {
        int d = columns;
        float[] shift = new float[stride];
        if (centre != null) {
            System.arraycopy(centre, 0, shift, 0, d);
        }
        team.forRanges(count, CHUNK, (from, end, scratch) -> {
            float[] block = new float[BLOCK * d + LANES];
            for (int first = from; first < end; first += BLOCK) {
                int rows = Math.min(BLOCK, end - first);
                if (order == null) {
                    source.readRows(first, first + rows, block, 0, d);
                }
                for (int r = 0; r < rows; r++) {
                    if (order != null) {
                        source.readRow(order[first + r], block, r * d);
                    }
                }
                for (int r = 0; r < rows; r++) {
                    write(first + r, block, r * d, shift, factor);
                }
            }
        });
    }

    private void write(int row, float[] source, int at, float[] shift, float factor) {
        long to = row(row);
        int whole = columns / LANES * LANES;
        for (int c = 0; c < whole; c += LANES) {
            Lanes.store(FloatVector.fromArray(Lanes.FLOATS, source, at + c)
                    .sub(FloatVector.fromArray(Lanes.FLOATS, shift, c)).mul(factor), to + c * 4L);
        }
        if (whole < columns) {
            // The shift of the padding is zero, so that it stays zero.
            Lanes.store(FloatVector.fromArray(Lanes.FLOATS, source, at + whole,
                    Lanes.FLOATS.indexInRange(0, columns - whole))
                    .sub(FloatVector.fromArray(Lanes.FLOATS, shift, whole)).mul(factor), to + whole * 4L);
        }
    }

    /** The row at place {@code i} of {@code count} that are spread evenly over all. */
    int sampled(int i, int count) {
        return (int) ((long) i * this.count / count);
    }

    /** The mean of {@code count} rows that are spread evenly over all. */
    double[] sampledMean(int count) {
        double[] mean = new double[columns];
        float[] row = new float[stride];
        for (int i = 0; i < count; i++) {
            read(sampled(i, count), row, 0);
            for (int c = 0; c < columns; c++) {
                mean[c] += row[c] / (double) count;
            }
        }
        return mean;
    }

    /** The squared norm of a row. */
    public float square(int row) {
        long at = row(row);
        FloatVector sum = FloatVector.zero(Lanes.FLOATS);
        for (int c = 0; c < stride; c += LANES) {
            FloatVector x = Lanes.load(at + c * 4L);
            sum = fma(x, x, sum);
        }
        return Lanes.sum(sum);
    }
}
