package dev.kdeformer.spark;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.pilot.PilotAttention;
import dev.kdeformer.pilot.PilotPlan;
import java.lang.foreign.Arena;
import java.lang.ref.WeakReference;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.broadcast.Broadcast;

/**
 * The plans of heads whose parts run in this JVM: each is restored once, for all tasks that run at the same time, and
 * lasts as long as one of them holds it. Restoring copies all keys and values of the head.
 */
final class PlannedHead {
    private static final Map<Long, WeakReference<PilotPlan>> BY_BROADCAST = new HashMap<>();

    private PlannedHead() {
    }

    /** Finds the plan of a head, in bytes. */
    static byte[] find(HeadCall call, WholeHead head) {
        try (Arena arena = Arena.ofShared()) {
            return PilotPlan.of((PilotAttention) call.method(), Engines.ofTask(), head.input(call, arena)).toBytes();
        }
    }

    /** The plan of a head, with its input in memory that lasts as long as the plan. */
    static synchronized PilotPlan of(HeadCall call, WholeHead head, Broadcast<byte[]> bytes) {
        BY_BROADCAST.values().removeIf(held -> held.refersTo(null));
        WeakReference<PilotPlan> held = BY_BROADCAST.get(bytes.id());
        PilotPlan plan = held == null ? null : held.get();
        if (plan == null) {
            AttentionInput input = head.input(call, Arena.ofAuto());
            plan = PilotPlan.fromBytes((PilotAttention) call.method(), Engines.ofTask(), input, bytes.value());
            BY_BROADCAST.put(bytes.id(), new WeakReference<>(plan));
        }
        return plan;
    }
}
