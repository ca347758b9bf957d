package dev.kdeformer.pilot;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.pilot.causal.CausalPlan;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Reflection;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.walk.HeadPlan;
import dev.kdeformer.pilot.walk.Narrowing;
import dev.kdeformer.pilot.walk.NodeChoice;
import dev.kdeformer.pilot.walk.TreePlan;
import dev.kdeformer.runtime.Keeping;
import dev.kdeformer.runtime.Scratch;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Locale;
import java.util.Objects;

/**
 * Reads what {@link PlanWriter} writes. Bytes come from elsewhere: orders that are none, keys that do not exist and
 * numbers that are not finite are refused, so that no walk can leave its memory; a plan that is of this input and yet
 * wrong gives wrong results.
 */
final class PlanReader {
    /** Larger magnitudes no input is allowed to lead to. */
    private static final float LARGEST = 1e38f;

    private final ByteBuffer buffer;
    private final AttentionInput input;
    private final PilotOptions options;

    PlanReader(byte[] bytes, AttentionInput input, PilotOptions options) {
        this.buffer = ByteBuffer.wrap(Objects.requireNonNull(bytes, "bytes")).order(ByteOrder.LITTLE_ENDIAN);
        this.input = input;
        this.options = options;
        need(2L * Integer.BYTES + Long.BYTES, "header");
        int magic = buffer.getInt();
        require(magic == PlanWriter.MAGIC, "must begin with the int 0x5050444b, got 0x%08x", magic);
        int version = buffer.getInt();
        require(version == PlanWriter.VERSION, "must have version " + PlanWriter.VERSION + ", got %d", version);
        require(buffer.getLong() == PlanPrint.of(input, options),
                "must be of the same input and of a method with the same options, got another print");
    }

    /**
     * A key head as it was read.
     *
     * @param order   null if there is nothing that parts share
     * @param members null under a causal mask
     */
    record Head(int[] order, Reflection reflection, HeadPlan[] members, PilotOptions options) {
        /** The plan, with keys and values in other memory. */
        Object restore(Unit unit, Scratch kept) {
            if (order == null) {
                return null;
            }
            KeyGroups keys = KeyGroups.sorted(unit.head(), order, reflection, options.expansion().groups(),
                    new Keeping(unit.team(), kept));
            return members == null ? new CausalPlan(unit, keys, kept)
                    : TreePlan.of(unit, keys, members, kept);
        }
    }

    /** Reads the next key head. */
    Head head(KeyHead head) {
        int[] visible = head.visibleKeys();
        need(Integer.BYTES, "number of keys");
        int m = buffer.getInt();
        require(m == 0 || m == visible.length, "must have " + visible.length + " visible keys in a head, or 0, got %d",
                m);
        if (m == 0) {
            return new Head(null, null, null, options);
        }
        int[] order = ints(m, "order of keys");
        int[] starts = KeyGroups.starts(m, options.expansion().groups());
        int[] sorted = order.clone();
        Arrays.sort(sorted);
        require(Arrays.equals(sorted, visible), "must have an order of all visible keys");
        for (int g = 0; g + 1 < starts.length; g++) {
            for (int j = starts[g] + 1; j < starts[g + 1]; j++) {
                require(order[j - 1] < order[j], "must have ascending keys in each group, got %d after %d", order[j],
                        order[j - 1]);
            }
        }
        Reflection reflection = Reflection.by(floats(new float[input.d()], 0, input.d(), "reflection"));
        HeadPlan[] members = null;
        if (!input.mask().isCausal()) {
            members = new HeadPlan[head.groupSize()];
            for (int member = 0; member < members.length; member++) {
                members[member] = member(m, starts.length - 1);
            }
        }
        return new Head(order, reflection, members, options);
    }

    /** Checks that nothing follows. */
    void end() {
        require(!buffer.hasRemaining(), "must end here, but %d more follow", buffer.remaining());
    }

    private HeadPlan member(int m, int groups) {
        int n = input.queries();
        int[] order = ints(n, "order of queries");
        boolean[] seen = new boolean[n];
        for (int row : order) {
            require(row >= 0 && row < n && !seen[row], "must have an order of all queries, got row %d", row);
            seen[row] = true;
        }
        need(Integer.BYTES, "number of distances");
        int count = buffer.getInt();
        require(count >= 0 && count <= HeadPlan.MOST_OFFSETS, "must have 0 to 17 distances, got %d", count);
        int[] offsets = ints(count, "distances");
        for (int i = 0; i < count; i++) {
            require(Math.abs(offsets[i]) <= HeadPlan.REACH && (i == 0 || offsets[i - 1] < offsets[i]),
                    "must have ascending distances from -8 to 8, got %d", offsets[i]);
        }
        need(Integer.BYTES, "number of levels");
        int levels = buffer.getInt();
        require(HeadPlan.fits(levels, n, options), "must have the levels of its tiles, got %d", levels);
        double[] variances = new double[levels + 1];
        need((long) variances.length * Double.BYTES, "variances");
        for (int level = 0; level < variances.length; level++) {
            variances[level] = buffer.getDouble();
            require(variances[level] >= 0 && variances[level] < Double.POSITIVE_INFINITY,
                    "must have finite variances, got %s", variances[level]);
        }
        int[] stragglers = stragglers(n);
        need(Integer.BYTES, "number of nodes");
        int nodes = buffer.getInt();
        require(nodes >= 0 && nodes <= 1 << variances.length, "must have as many nodes as a level, got %d", nodes);
        NodeChoice[] tops = nodes == 0 ? null : new NodeChoice[nodes];
        need((long) nodes * Math.ceilDiv(m, Long.SIZE) * Long.BYTES, "nodes");
        boolean tilted = false;
        if (nodes > 0) {
            need(Integer.BYTES, "tilt");
            tilted = buffer.getInt() != 0;
        }
        for (int node = 0; node < nodes; node++) {
            tops[node] = top(m, groups, tilted);
        }
        return new HeadPlan(order, offsets, new Narrowing(variances), stragglers, tops);
    }

    private int[] stragglers(int n) {
        need(Integer.BYTES, "number of stragglers");
        int count = buffer.getInt();
        require(count >= 0 && count <= n, "must have 0 to " + n + " stragglers, got %d", count);
        int[] stragglers = ints(count, "stragglers");
        for (int i = 0; i < count; i++) {
            require(stragglers[i] >= (i == 0 ? 0 : stragglers[i - 1] + 1) && stragglers[i] < n,
                    "must have ascending stragglers below " + n + ", got %d", stragglers[i]);
        }
        return stragglers;
    }

    private NodeChoice top(int m, int groups, boolean tilted) {
        need((long) Math.ceilDiv(m, Long.SIZE) * Long.BYTES, "kept keys");
        long[] bits = new long[Math.ceilDiv(m, Long.SIZE)];
        buffer.asLongBuffer().get(bits);
        buffer.position(buffer.position() + bits.length * Long.BYTES);
        BitSet kept = BitSet.valueOf(bits);
        require(kept.length() <= m, "must keep keys below " + m + ", got %d", kept.length() - 1);
        int[] chosen = Arrays.copyOf(kept.stream().toArray(), kept.cardinality() + Lanes.LANES);
        int d = input.d();
        int dv = input.dv();
        int stride = Lanes.padColumns(d);
        int valueStride = Lanes.padColumns(dv);
        float[] centre = floats(new float[stride], 0, d, "centroid");
        FarField far = new FarField(groups, d, stride, valueStride, tilted);
        floats(far.logMasses(), 0, groups, "masses");
        for (int g = 0; g < groups; g++) {
            floats(far.keys(), g * stride, d, "mean keys");
            floats(far.variances(), g * stride, d, "moments");
            floats(far.values(), g * valueStride, dv, "mean values");
        }
        for (int c = 0; c < d && tilted; c++) {
            floats(far.tilt(), c * valueStride, dv, "tilt");
        }
        return new NodeChoice(chosen, kept.cardinality(), centre, far);
    }

    private int[] ints(int count, String what) {
        need((long) count * Integer.BYTES, what);
        int[] values = new int[count];
        buffer.asIntBuffer().get(values);
        buffer.position(buffer.position() + count * Integer.BYTES);
        return values;
    }

    private float[] floats(float[] target, int at, int count, String what) {
        need((long) count * Float.BYTES, what);
        buffer.asFloatBuffer().get(target, at, count);
        buffer.position(buffer.position() + count * Float.BYTES);
        for (int i = at; i < at + count; i++) {
            require(Math.abs(target[i]) <= LARGEST, "must have finite " + what + ", got %s", target[i]);
        }
        return target;
    }

    /** Checks that so many bytes follow, before anything is made of them. */
    private void need(long bytes, String what) {
        require(buffer.remaining() >= bytes, "must have " + bytes + " bytes for the " + what + ", got %d",
                buffer.remaining());
    }

    private static void require(boolean holds, String rule, Object... found) {
        if (!holds) {
            throw new IllegalArgumentException("bytes of a plan " + String.format(Locale.ROOT, rule, found));
        }
    }
}
