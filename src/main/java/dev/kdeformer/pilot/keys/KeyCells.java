package dev.kdeformer.pilot.keys;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The keys of a head in cells of similar ones, the leaves of a balanced tree. A node of the tree holds the cells from
 * {@link #first} on, so that any node can stand for its keys as one: coarse where little depends on them, fine where
 * much does.
 *
 * <p>After the last key the last cell is filled up with keys that no query sees.
 */
public final class KeyCells {
    /** Keys of a cell, whole panels of them at every vector width. */
    public static final int CELL = 64;

    /** Cells that one thread prepares at a time. */
    private static final int CHUNK = 64;

    private final KeyGroups groups;
    private final Rows keys;
    private final Rows squares;
    private final Rows values;
    private final float[] biases;
    private final float[] radii;
    private final int[] order;
    private final long panels;
    private final int cells;
    private final int levels;

    private KeyCells(KeyGroups groups, int[] order, Team team) {
        this.groups = groups;
        this.order = order;
        keys = groups.keys().picked(order, team);
        values = groups.values().picked(order, team);
        squares = Rows.allocate(team.scratch(), keys.count(), keys.columns());
        cells = Math.ceilDiv(keys.count(), CELL);
        levels = levels(keys.count());
        biases = new float[cells * CELL];
        radii = new float[cells * CELL];
        panels = team.scratch().floats((long) cells * CELL * keys.columns());
    }

    /**
     * Sorts keys into cells.
     *
     * @param queries whose covariance is the metric
     * @param hidden  the bias of keys that are not there
     */
    public static KeyCells of(KeyGroups groups, Rows queries, float hidden, Team team) {
        int m = groups.count();
        int[] order = BalancedTree.order(groups.keys(), Metric.of(queries, team), levels(m), CELL, team);
        for (int first = 0; first < m; first += CELL) {
            Arrays.sort(order, first, Math.min(m, first + CELL));
        }
        KeyCells cells = new KeyCells(groups, order, team);
        Arrays.fill(cells.biases, m, cells.biases.length, hidden);
        for (int j = 0; j < m; j++) {
            cells.biases[j] = groups.biases()[order[j]];
        }
        team.forEach(Math.ceilDiv(cells.cells, CHUNK), (index, scratch) -> {
            Packer packer = scratch.keep(Packer.class, Packer::new);
            int[] rows = new int[CELL];
            float[] mean = new float[cells.keys.stride()];
            for (int c = index * CHUNK; c < Math.min(cells.cells, (index + 1) * CHUNK); c++) {
                int first = c * CELL;
                Arrays.setAll(rows, j -> Math.min(m - 1, first + j));
                cells.prepare(first, Math.min(m, first + CELL), rows, packer, mean);
            }
        });
        return cells;
    }

    private static int levels(int keys) {
        int levels = 0;
        while ((long) CELL << levels < keys) {
            levels++;
        }
        return levels;
    }

    /** Bytes off the heap for m keys, beyond those of their groups. */
    public static long bytes(int m, int d, int dv) {
        return 2 * Rows.bytes(m, d) + Rows.bytes(m, dv) + (long) Lanes.roundUp(m, CELL) * d * Float.BYTES;
    }

    /** Packs a cell, and finds squares and distances from its mean. */
    private void prepare(int from, int to, int[] rows, Packer packer, float[] mean) {
        int stride = keys.stride();
        for (int j = 0; j < CELL; j += PANEL) {
            packer.packPanel(rows, j, Math.clamp(to - from - j, 0, PANEL), keys.address(), stride, keys.columns(),
                    panel(from + j));
        }
        Arrays.fill(mean, 0);
        for (int j = from; j < to; j++) {
            for (int i = 0; i < stride; i += LANES) {
                FloatVector k = Lanes.load(keys.row(j) + i * 4L);
                Lanes.store(k.mul(k), squares.row(j) + i * 4L);
                k.add(FloatVector.fromArray(FLOATS, mean, i)).intoArray(mean, i);
            }
        }
        for (int i = 0; i < stride; i++) {
            mean[i] /= to - from;
        }
        for (int j = from; j < to; j++) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int i = 0; i < stride; i += LANES) {
                FloatVector x = Lanes.load(keys.row(j) + i * 4L).sub(FloatVector.fromArray(FLOATS, mean, i));
                sum = fma(x, x, sum);
            }
            radii[j] = Lanes.sum(sum);
        }
    }

    /** Number of keys. */
    public int count() {
        return keys.count();
    }

    /** Number of cells. */
    public int cells() {
        return cells;
    }

    /** Levels of the tree below its root. */
    public int levels() {
        return levels;
    }

    /** First cell of a node of the tree; that of the next node is the end, so that a node may be empty. */
    public int first(int level, int node) {
        return BalancedTree.start(cells, level, node);
    }

    /** The keys, cell after cell. */
    public Rows keys() {
        return keys;
    }

    /** Their features squared. */
    public Rows squares() {
        return squares;
    }

    /** Their values. */
    public Rows values() {
        return values;
    }

    /** Their biases, natural logarithm, whole cells of them. */
    public float[] biases() {
        return biases;
    }

    /** Squared distances from the mean of the cell, whole cells of them. */
    public float[] radii() {
        return radii;
    }

    /** For every key its index among those in groups. */
    public int[] order() {
        return order;
    }

    /** The keys as they were grouped. */
    public KeyGroups groups() {
        return groups;
    }

    /** Address of the packed panel that starts with a key. */
    public long panel(int key) {
        return panels + ((long) key * keys.columns() << 2);
    }
}
