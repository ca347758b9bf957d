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
    /** Keys that one task takes. */
    private static final int CHUNK = 16 * PANEL;

    private final Rows keys;
    private final Rows values;
    private final float[] biases;
    private final float[] squares;
    private final int[] starts;
    private final Origin origin;
    private long panels;
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

    KeyGroups(Rows keys, Rows values, float[] biases, int[] starts, Origin origin, Team team) {
        this.keys = keys;
        this.values = values;
        this.biases = biases;
        this.squares = new float[keys.count()];
        this.starts = starts;
        this.origin = origin;
        this.range = ValueRange.of(values, team);
        boolean[] follow = new boolean[1];
        int m = keys.count();
        team.forEach(1 + Math.ceilDiv(m, CHUNK), (index, scratch) -> {
            if (index == 0) {
                follow[0] = ValueTrend.exists(keys, values);
            } else {
                for (int j = (index - 1) * CHUNK; j < Math.min(m, index * CHUNK); j++) {
                    squares[j] = keys.square(j);
                }
            }
        });
        this.trend = follow[0];
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
     * @param keeping    whose memory holds keys and values; panels are in that of {@code team}
     */
    static KeyGroups of(KeyHead head, int[] visible, Rows queries, Reflection reflection, int groupCount, Team team,
            Team keeping) {
        int m = visible.length;
        int d = head.key().columns();
        float[] centre = head.centre();
        Rows unsorted = Rows.load(head.key(), m == head.key().rows() ? null : visible, centre, 1, team);
        reflection.apply(unsorted, team);
        int[] starts = starts(m, groupCount);
        int levels = Integer.numberOfTrailingZeros(starts.length - 1);
        int[] order = BalancedTree.order(unsorted, Metric.of(queries, team), levels, team);
        // Inside a group, keys in their own order: gathering them then walks forward through memory.
        for (int g = 0; g + 1 < starts.length; g++) {
            Arrays.sort(order, starts[g], starts[g + 1]);
        }
        int[] rows = new int[m];
        Arrays.setAll(rows, j -> visible[order[j]]);
        KeyGroups groups = of(head, unsorted.picked(order, keeping), starts, new Origin(rows, centre, reflection),
                keeping);
        groups.pack(team);
        return groups;
    }

    /**
     * Keys of a head that have been sorted before.
     *
     * @param rows       the caller's row of every key, as {@link #order} has had it
     * @param reflection as {@link #reflection} has had it
     * @param groupCount number of groups
     * @param team       whose memory holds keys and values; there are no panels
     */
    public static KeyGroups sorted(KeyHead head, int[] rows, Reflection reflection, int groupCount, Team team) {
        float[] centre = head.centre();
        Rows keys = Rows.load(head.key(), rows, centre, 1, team);
        reflection.apply(keys, team);
        return of(head, keys, starts(rows.length, groupCount), new Origin(rows, centre, reflection), team);
    }

    /** First key of every group of m keys, and m after the last: a power of two, {@code groupCount} at most. */
    public static int[] starts(int m, int groupCount) {
        int levels = 0;
        while (2 << levels <= groupCount && 2 << levels <= m) {
            levels++;
        }
        return BalancedTree.starts(m, levels);
    }

    private static KeyGroups of(KeyHead head, Rows keys, int[] starts, Origin origin, Team team) {
        int m = keys.count();
        float[] biases = new float[m];
        for (int j = 0; j < m && head.bias() != null; j++) {
            biases[j] = head.bias().get(0, origin.order[j]);
        }
        Rows values = Rows.load(head.value(), origin.order, null, 1, team);
        return new KeyGroups(keys, values, biases, starts, origin, team);
    }

    /** Packs {@link #panels} anew, with memory of a team. */
    public void pack(Team team) {
        int d = keys.columns();
        panels = team.scratch().floats((long) Lanes.roundUp(count(), PANEL) * Candidates.lines(d));
        team.forRanges(count(), CHUNK, (from, to, scratch) -> {
            Packer packer = scratch.keep(Packer.class, Packer::new);
            int[] identity = new int[PANEL];
            for (int first = from; first < to; first += PANEL) {
                for (int j = 0; j < PANEL; j++) {
                    identity[j] = first + j;
                }
                Candidates.pack(this, packer, identity, 0, Math.min(PANEL, to - first),
                        panels + ((long) first * Candidates.lines(d) << 2));
            }
        });
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
        float[] row = new float[values.stride()];
        for (int i = 0; i < count; i++) {
            values.read(values.sampled(i, count), row, 0);
            for (int c = 0; c < sum.length; c++) {
                double x = row[c];
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

    /** All keys, packed in panels by the latest {@link #pack}; 0 before. */
    public long panels() {
        return panels;
    }
}
