package dev.kdeformer.pilot.keys;

import static dev.kdeformer.kernel.Lanes.PANEL;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/**
 * The keys of one head, centred and sorted into groups of similar ones, with all that the tree of queries needs of
 * them. Keys that a bias of −∞ hides are left out.
 */
public final class KeyGroups {
    /** Keys that one task packs. */
    private static final int CHUNK = 64 * PANEL;

    private final Rows keys;
    private final Rows values;
    private final float[] biases;
    private final float[] squares;
    private final int[] starts;
    private final Origin origin;
    private final long panels;
    private final boolean trend;
    private final ValueRange range;

    /**
     * Where keys come from.
     *
     * @param order      the caller's row of every key
     * @param centre     what was subtracted from every key, before it was reflected
     * @param reflection what keys have been reflected by
     */
    record Origin(int[] order, float[] centre, Reflection reflection) {
    }

    KeyGroups(Rows keys, Rows values, float[] biases, int[] starts, Origin origin, long panels,
            ValueRange range) {
        this.keys = keys;
        this.values = values;
        this.biases = biases;
        this.squares = new float[keys.count()];
        this.starts = starts;
        this.origin = origin;
        this.panels = panels;
        this.trend = ValueTrend.exists(keys, values);
        this.range = range;
    }

    /** Off-heap bytes for m keys. */
    public static long bytes(int m, int d, int dv) {
        return 3 * Rows.bytes(m, d) + Rows.bytes(m, dv)
                + (long) Lanes.roundUp(m, PANEL) * Candidates.lines(d) * Float.BYTES;
    }

    /**
     * Sorts the keys of a head.
     *
     * @param visible    the rows of its keys that are not hidden
     * @param queries    whose covariance is the metric for the groups, reflected
     * @param reflection of the queries, for the keys
     * @param groupCount number of groups
     */
    static KeyGroups of(KeyHead head, int[] visible, Rows queries, Reflection reflection, int groupCount, Team team) {
        int m = visible.length;
        int d = head.key().columns();
        float[] centre = head.centre();
        Rows unsorted = Rows.load(head.key(), m == head.key().rows() ? null : visible, centre, 1, team);
        reflection.apply(unsorted, team);
        int levels = 0;
        while (2 << levels <= groupCount && 2 << levels <= m) {
            levels++;
        }
        int[] order = BalancedTree.order(unsorted, Metric.of(queries, team.scratch()), levels, team);
        int[] starts = new int[(1 << levels) + 1];
        for (int g = 0; g < starts.length; g++) {
            starts[g] = BalancedTree.start(m, levels, g);
        }
        // Inside a group, keys in their own order: gathering them then walks forward through memory.
        for (int g = 0; g + 1 < starts.length; g++) {
            Arrays.sort(order, starts[g], starts[g + 1]);
        }
        float[] biases = new float[m];
        int[] rows = new int[m];
        for (int j = 0; j < m; j++) {
            rows[j] = visible[order[j]];
            biases[j] = head.bias() == null ? 0 : head.bias().get(0, rows[j]);
        }
        Rows keys = unsorted.picked(order, team);
        Rows values = Rows.load(head.value(), rows, null, 1, team);
        long panels = team.scratch().floats((long) Lanes.roundUp(m, PANEL) * Candidates.lines(d));
        KeyGroups groups = new KeyGroups(keys, values, biases, starts,
                new Origin(rows, centre, reflection), panels, ValueRange.of(values, team));
        team.forRanges(m, CHUNK, (from, to, scratch) -> {
            for (int j = from; j < to; j++) {
                groups.squares[j] = keys.square(j);
            }
            Packer packer = scratch.keep(Packer.class, Packer::new);
            int[] identity = new int[PANEL];
            for (int first = from; first < to; first += PANEL) {
                for (int j = 0; j < PANEL; j++) {
                    identity[j] = first + j;
                }
                Candidates.pack(groups, packer, identity, 0, Math.min(PANEL, to - first),
                        panels + ((long) first * Candidates.lines(d) << 2));
            }
        });
        return groups;
    }

    /** What every feature of the values lies between. */
    public ValueRange range() {
        return range;
    }

    /** Number of keys. */
    public int count() {
        return keys.count();
    }

    /** Centred and reflected keys, group after group. */
    public Rows keys() {
        return keys;
    }

    /** Values of the keys. */
    public Rows values() {
        return values;
    }

    /** Biases of the keys, natural logarithm. */
    public float[] biases() {
        return biases;
    }

    /** Squared norms of the centred keys. */
    public float[] squares() {
        return squares;
    }

    /** First key of every group, and the number of keys after the last. */
    public int[] starts() {
        return starts;
    }

    /** Number of groups. */
    public int groups() {
        return starts.length - 1;
    }

    /** Mean squared distance of a value from the mean value, over up to 1,024 evenly spaced keys. */
    public double valueVariance() {
        int count = Math.min(1024, values.count());
        double[] sum = new double[values.columns()];
        double squares = 0;
        for (int i = 0; i < count; i++) {
            int row = (int) ((long) i * values.count() / count);
            for (int c = 0; c < sum.length; c++) {
                double x = values.get(row, c);
                sum[c] += x;
                squares += x * x;
            }
        }
        double common = 0;
        for (double x : sum) {
            common += x / count * (x / count);
        }
        return Math.max(0, squares / count - common);
    }

    /** The caller's row of every key. */
    public int[] order() {
        return origin.order;
    }

    /** Whether values move with keys. */
    public boolean valuesFollow() {
        return trend;
    }

    /** What was subtracted from every key, before it was reflected. */
    public float[] centre() {
        return origin.centre;
    }

    /** What keys have been reflected by. */
    public Reflection reflection() {
        return origin.reflection;
    }

    /** All keys, packed in panels. */
    public long panels() {
        return panels;
    }
}
