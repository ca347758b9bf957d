package dev.kdeformer.rivals;

import static dev.kdeformer.kernel.Lanes.PANEL;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitKernel;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import java.util.Arrays;

/**
 * Rows in scratch memory as the right operand of dot products with a tile of rows: what the logit kernel reads, without
 * values and bias. Features beyond {@link Lanes#DEPTH} are further blocks, whose products are added up.
 */
final class PanelMatrix {
    /** Rows are taken as they are. */
    static final LogitScale UNSCALED = new LogitScale(1, 1, 1);

    private final int rows;
    private final int features;
    private final int padded;
    private final long data;
    private final long zeros;

    /** Room for rows, to be filled by {@link #set}. */
    PanelMatrix(Scratch scratch, int rows, int features) {
        this.rows = rows;
        this.features = features;
        this.padded = Lanes.padKeys(rows);
        this.data = scratch.floats((long) padded * features);
        this.zeros = scratch.floats(PANEL);
        Memory.fillFloats(zeros, PANEL, 0);
        for (long panel = rows / PANEL * PANEL; panel < padded; panel += PANEL) {
            Memory.fillFloats(data + panel * features * Float.BYTES, (long) PANEL * features, 0);
        }
    }

    /** Bytes for a number of rows. */
    static long bytes(int rows, int features) {
        return (long) Lanes.padKeys(rows) * features * Float.BYTES;
    }

    /** Number of rows. */
    int rows() {
        return rows;
    }

    /** Sets row {@code row} from {@code source}. */
    void set(int row, float[] source, int at) {
        long address = data + ((long) (row / PANEL * PANEL) * features + row % PANEL) * Float.BYTES;
        for (int i = 0; i < features; i++) {
            Memory.putFloat(address + (long) i * PANEL * Float.BYTES, source[at + i]);
        }
    }

    /**
     * Products of a tile with rows [from, from + count).
     *
     * @param from  a multiple of {@link Lanes#PANEL}
     * @param count at most {@link Lanes#STEP}; the products of padding up to the next multiple of PANEL are written too
     * @param out   receives the products, row distance {@link Lanes#STRIDE}
     * @param work  room for as many, used where there is more than one block of features
     */
    void products(QueryTile left, int from, int count, float[] out, float[] work) {
        for (int block = 0; block < features; block += Lanes.DEPTH) {
            float[] target = block == 0 ? out : work;
            int depth = Math.min(Lanes.DEPTH, features - block);
            float[] q = block == 0 ? left.data() : Arrays.copyOfRange(left.data(), QueryTile.blockStart(block),
                    QueryTile.blockStart(block) + QueryTile.ROWS * Lanes.STRIDE);
            for (int c = 0; c < count; c += PANEL) {
                LogitKernel.logits(q, left.rows(), depth,
                        data + ((long) (from + c) * features + (long) block * PANEL) * Float.BYTES, zeros, target, c);
            }
            for (int r = 0; block > 0 && r < left.rows(); r++) {
                for (int c = r * Lanes.STRIDE; c < r * Lanes.STRIDE + count; c++) {
                    out[c] += target[c];
                }
            }
        }
    }

    /** A thread's room for products of a tile. */
    static final class Products {
        final float[] first = new float[QueryTile.ROWS * Lanes.STRIDE];
        final float[] second = new float[QueryTile.ROWS * Lanes.STRIDE];
        final float[] work = new float[QueryTile.ROWS * Lanes.STRIDE];
        final QueryTile keys = new QueryTile();
        final QueryTile values = new QueryTile();
    }
}
