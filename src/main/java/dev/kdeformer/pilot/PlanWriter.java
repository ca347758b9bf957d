package dev.kdeformer.pilot;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.pilot.causal.CausalPlan;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.walk.HeadPlan;
import dev.kdeformer.pilot.walk.NodeChoice;
import dev.kdeformer.pilot.walk.TreePlan;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A plan in bytes, little-endian: the letters KDPP, the version 2, a {@link PlanPrint print} of input and options; then
 * for each key head the number of its visible keys, their rows in group order and the vector of the reflection; then
 * for each of its query heads, where there is no causal mask, the order of the queries, the distances of own keys, the
 * number of levels, the variances by level, and what was found at the top: for each node a bit set of the kept keys,
 * the centroid, and the far field without padding.
 */
final class PlanWriter {
    /** The letters KDPP, read as a little-endian int. */
    static final int MAGIC = 0x5050_444B;
    static final int VERSION = 2;

    private final AttentionInput input;
    private ByteBuffer buffer = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);

    PlanWriter(AttentionInput input, PilotOptions options) {
        this.input = input;
        room(2L * Integer.BYTES + Long.BYTES);
        buffer.putInt(MAGIC).putInt(VERSION).putLong(PlanPrint.of(input, options));
    }

    /** Writes a key head without a causal mask. */
    void tree(TreePlan tree) {
        keys(tree.keys());
        for (HeadPlan member : tree.members()) {
            ints(member.order());
            room(Integer.BYTES);
            buffer.putInt(member.offsets().length);
            ints(member.offsets());
            room(Integer.BYTES);
            buffer.putInt(member.narrowing().levels());
            for (double variance : member.narrowing().variances()) {
                room(Double.BYTES);
                buffer.putDouble(variance);
            }
            room(Integer.BYTES);
            buffer.putInt(member.stragglers().length);
            ints(member.stragglers());
            room(Integer.BYTES);
            buffer.putInt(member.tops() == null ? 0 : member.tops().length);
            if (member.tops() != null) {
                room(Integer.BYTES);
                buffer.putInt(member.tops()[0].far().tilt().length > 0 ? 1 : 0);
            }
            for (int node = 0; member.tops() != null && node < member.tops().length; node++) {
                top(member.tops()[node], tree.keys());
            }
        }
    }

    /** Writes a key head under a causal mask; null for one whose parts share nothing. */
    void spans(CausalPlan spans) {
        if (spans == null) {
            room(Integer.BYTES);
            buffer.putInt(0);
            return;
        }
        keys(spans.groups());
    }

    private void keys(KeyGroups keys) {
        room(Integer.BYTES);
        buffer.putInt(keys.count());
        ints(keys.order());
        floats(keys.reflection().vector(input.d()), 0, input.d());
    }

    private void top(NodeChoice top, KeyGroups keys) {
        long[] bits = new long[Math.ceilDiv(keys.count(), Long.SIZE)];
        for (int i = 0; i < top.count(); i++) {
            bits[top.chosen()[i] >> 6] |= 1L << top.chosen()[i];
        }
        room((long) bits.length * Long.BYTES);
        for (long word : bits) {
            buffer.putLong(word);
        }
        int d = input.d();
        int stride = keys.keys().stride();
        int valueStride = keys.values().stride();
        FarField far = top.far();
        floats(top.centre(), 0, d);
        floats(far.logMasses(), 0, keys.groups());
        for (int g = 0; g < keys.groups(); g++) {
            floats(far.keys(), g * stride, d);
            floats(far.variances(), g * stride, d);
            floats(far.values(), g * valueStride, input.dv());
        }
        for (int c = 0; c < d && far.tilt().length > 0; c++) {
            floats(far.tilt(), c * valueStride, input.dv());
        }
    }

    /** What has been written. */
    byte[] bytes() {
        return Arrays.copyOf(buffer.array(), buffer.position());
    }

    private void ints(int[] values) {
        room((long) values.length * Integer.BYTES);
        buffer.asIntBuffer().put(values);
        buffer.position(buffer.position() + values.length * Integer.BYTES);
    }

    private void floats(float[] values, int from, int count) {
        room((long) count * Float.BYTES);
        buffer.asFloatBuffer().put(values, from, count);
        buffer.position(buffer.position() + count * Float.BYTES);
    }

    private void room(long bytes) {
        if (bytes <= buffer.remaining()) {
            return;
        }
        long needed = buffer.position() + bytes;
        if (needed > Integer.MAX_VALUE - 8) {
            throw new IllegalStateException("bytes of a plan must be fewer than 2 GB, but " + input.queries()
                    + " queries and " + input.keys() + " keys need more; cut it by heads");
        }
        long size = Math.min(Integer.MAX_VALUE - 8, Math.max(needed, 2L * buffer.capacity()));
        buffer = ByteBuffer.wrap(Arrays.copyOf(buffer.array(), (int) size)).order(ByteOrder.LITTLE_ENDIAN)
                .position(buffer.position());
    }
}
