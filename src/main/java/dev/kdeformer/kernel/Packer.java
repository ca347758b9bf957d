package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.WIDTH;
import static dev.kdeformer.kernel.Lanes.store;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** Copies keys and values of the caller, in any order, into the layout of {@link PackedKeys}. Kept per thread. */
public final class Packer {
    private static final int[] IN_ORDER = new int[PANEL];

    static {
        Arrays.setAll(IN_ORDER, i -> i);
    }

    private final Transpose transpose = new Transpose();
    private final Fetch fetch = new Fetch();
    private final int[] repeated = new int[LANES];
    /** Rows on their way from the caller's memory, which is only read through its own segments. */
    private MemorySegment staging = MemorySegment.NULL;

    /**
     * Packs keys [from, to) of {@code target}, {@code from} a multiple of {@link Lanes#PANEL}, and the padding when
     * {@code to} is its count.
     *
     * @param source where they come from; its values are not read where {@code target} has none
     */
    public void pack(PackedKeys target, int from, int to, KeySource source) {
        packKeys(target, from, to, source);
        if (target.dv() > 0) {
            packValues(target, from, to, source);
        }
        Matrix bias = source.bias();
        for (int j = from; j < to; j++) {
            target.setBias(j, bias == null ? 0 : (float) (bias.get(0, source.row(j)) - source.centring().bias()));
        }
        if (to == target.count()) {
            for (int j = to; j < target.padded(); j++) {
                target.hide(j);
            }
        }
    }

    /**
     * Packs all keys of {@code target} from rows in scratch memory, without copying through the caller's segments.
     *
     * @param index  the row of every key
     * @param keys   rows that the keys are among
     * @param values rows that the values are among; not read where {@code target} has no values
     * @param bias   bias of every row, natural logarithm, or null
     */
    public void packRows(PackedKeys target, int[] index, RowsAt keys, RowsAt values, float[] bias) {
        packRows(target, 0, target.padded(), index, keys, values, bias);
    }

    /** As {@link #packRows}, for the keys [from, to), whole panels of them; padding counts as keys. */
    public void packRows(PackedKeys target, int from, int to, int[] index, RowsAt keys, RowsAt values,
            float[] bias) {
        int count = target.count();
        for (int first = from; first < to; first += PANEL) {
            int present = Math.max(0, Math.min(PANEL, count - first));
            pickPanel(index, first, present, keys.address(), keys.stride(), target.d(), target.keyPanel(first, 0));
            if (target.dv() > 0) {
                fetch.rows(values.address(), values.stride(), index, first, present);
            }
            for (int p = 0; p < target.valuePanels(); p++) {
                int vectors = target.panelVectors(p);
                long skip = target.panelStart(p) * Lanes.VECTOR_BYTES;
                long address = target.valueRow(p, first);
                for (int j = 0; j < PANEL; j++) {
                    long row = j < present
                            ? values.address() + ((long) index[first + j] * values.stride() << 2) + skip : 0;
                    for (int v = 0; v < vectors; v++) {
                        store(row == 0 ? FloatVector.zero(FLOATS) : Lanes.load(row + v * Lanes.VECTOR_BYTES), address);
                        address += Lanes.VECTOR_BYTES;
                    }
                }
            }
        }
        for (int j = from; j < Math.min(count, to); j++) {
            target.setBias(j, bias == null ? 0 : bias[index[j]]);
        }
        for (int j = Math.max(count, from); j < to; j++) {
            target.hide(j);
        }
    }

    /**
     * Transposes up to {@link Lanes#PANEL} rows in scratch memory into one feature-major panel, zeros for the rest.
     *
     * @param index   the rows, from {@code first} on
     * @param present number of rows
     * @param source  address of the rows, whole vectors to a row
     * @param stride  floats from row to row
     * @param d       features to take
     * @param panel   receives d × PANEL floats
     */
    public void packPanel(int[] index, int first, int present, long source, int stride, int d, long panel) {
        for (int v = 0; v < PANEL; v += LANES) {
            int rows = Math.max(0, Math.min(LANES, present - v));
            long target = panel + v * 4L;
            if (rows == LANES) {
                transpose.rows(index, first + v, source, stride, d, target);
                continue;
            }
            if (rows > 0) {
                for (int j = 0; j < LANES; j++) {
                    repeated[j] = index[first + v + Math.min(j, rows - 1)];
                }
                transpose.rows(repeated, 0, source, stride, d, target);
            }
            for (long line = target; line < target + (long) d * PANEL * 4; line += PANEL * 4L) {
                for (int j = rows; j < LANES; j++) {
                    Memory.putFloat(line + j * 4L, 0);
                }
            }
        }
    }

    /** As {@link #packPanel}, of rows that lie apart: they are fetched first. */
    public void pickPanel(int[] index, int first, int present, long source, int stride, int d, long panel) {
        fetch.rows(source, stride, index, first, present);
        packPanel(index, first, present, source, stride, d, panel);
    }

    private void packKeys(PackedKeys target, int from, int to, KeySource source) {
        float[] centre = source.centring().centre();
        int d = target.d();
        int end = to == target.count() ? target.padded() : to;
        long rows = stage(d);
        boolean shifted = centre != null && !zeros(centre, d);
        for (int panel = from; panel < end; panel += PANEL) {
            int present = Math.max(0, Math.min(PANEL, to - panel));
            gather(source.key(), source, panel, present, rows, d);
            long address = target.keyPanel(panel, 0);
            packPanel(IN_ORDER, 0, present, rows, d, d, address);
            if (shifted) {
                subtract(centre, d, address, present);
            }
        }
    }

    private static boolean zeros(float[] x, int count) {
        for (int i = 0; i < count; i++) {
            if (x[i] != 0) {
                return false;
            }
        }
        return true;
    }

    private static void subtract(float[] centre, int d, long panel, int present) {
        for (int i = 0; i < d; i++) {
            long line = panel + i * (PANEL * 4L);
            for (int v = 0; v < WIDTH; v++) {
                long address = line + v * Lanes.VECTOR_BYTES;
                store(Lanes.load(address).sub(centre[i]), address);
            }
            for (int j = present; j < PANEL; j++) {
                Memory.putFloat(line + j * 4L, 0);
            }
        }
    }

    private void packValues(PackedKeys target, int from, int to, KeySource source) {
        int stride = Lanes.padColumns(target.dv());
        boolean direct = target.valuePanels() == 1;
        long rows = direct ? 0 : stage(stride);
        for (int first = from; first < to; first += PANEL) {
            int present = Math.min(PANEL, to - first);
            if (direct) {
                rows = target.valueRow(0, first);
            }
            gather(source.value(), source, first, present, rows, stride);
            for (int j = 0; j < present && stride != target.dv(); j++) {
                for (int c = target.dv(); c < stride; c++) {
                    Memory.putFloat(rows + ((long) j * stride + c) * 4, 0);
                }
            }
            for (int p = 0; p < target.valuePanels() && !direct; p++) {
                copyPanel(rows + target.panelStart(p) * Lanes.VECTOR_BYTES, stride * 4L, present,
                        target.panelVectors(p), target.valueRow(p, first));
            }
        }
        int hidden = to == target.count() ? target.padded() - to : 0;
        for (int p = 0; p < target.valuePanels() && hidden > 0; p++) {
            Memory.fillFloats(target.valueRow(p, to), (long) hidden * target.panelVectors(p) * LANES, 0);
        }
    }

    private static void copyPanel(long source, long sourceBytes, int rows, int vectors, long target) {
        long to = target;
        for (int j = 0; j < rows; j++) {
            long from = source + j * sourceBytes;
            for (int v = 0; v < vectors; v++) {
                store(Lanes.load(from + v * Lanes.VECTOR_BYTES), to);
                to += Lanes.VECTOR_BYTES;
            }
        }
    }

    private static void gather(Matrix matrix, KeySource source, int first, int count, long rows, int stride) {
        if (count == 0) {
            return; // a panel of nothing but padding starts beyond the last row, where not even no row may be read
        }
        if (source.order() == 0) {
            matrix.readRows(first, first + count, rows, stride);
            return;
        }
        for (int j = 0; j < count; j++) {
            matrix.readRow(source.row(first + j), rows + j * (stride * 4L));
        }
    }

    /** Address of room for a panel of rows of {@code stride} floats and a vector after the last. */
    private long stage(int stride) {
        long bytes = (long) PANEL * stride * 4 + Lanes.VECTOR_BYTES;
        if (staging.byteSize() < bytes) {
            staging = Arena.ofAuto().allocate(bytes, 64);
        }
        return staging.address();
    }
}
