package dev.kdeformer.peers;

import com.sun.management.OperatingSystemMXBean;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.InputFeature;
import java.lang.management.ManagementFactory;
import java.util.Locale;
import java.util.Set;

/** What the peers are not asked to compute. */
final class Limits {
    private Limits() {
    }

    /**
     * Refuses what a peer has no counterpart for.
     *
     * @param taken what it has
     * @throws UnsupportedOperationException if the input says anything else, or queries see no key
     */
    static void check(AttentionInput input, InputFeature... taken) {
        for (InputFeature feature : input.features()) {
            if (!Set.of(taken).contains(feature)) {
                throw new UnsupportedOperationException("it is not timed with " + feature);
            }
        }
        for (int b = 0; b < input.batch(); b++) {
            for (int i = 0; i < input.queries(); i++) {
                if (input.mask().endKey(b, i, input.queries(), input.keys()) == 0) {
                    throw new UnsupportedOperationException("query " + i + " of batch item " + b
                            + " sees no key, for which peers have no result");
                }
            }
        }
    }

    /** Whether a causal mask is the triangle that every engine knows. */
    static boolean isTriangle(AttentionInput input) {
        return input.mask().isCausal() && input.mask().causalOffset(input.queries(), input.keys()) == 0
                && input.queries() == input.keys();
    }

    /**
     * Refuses a computation that holds all logits where these would press the machine into swapping.
     *
     * @param heads number of matrices of n × m floats that are alive together
     * @throws UnsupportedOperationException if they take more than half of the machine's memory
     */
    static void checkLogits(AttentionInput input, long heads) {
        double bytes = (double) heads * input.queries() * input.keys() * Float.BYTES;
        double memory = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
        if (bytes > memory / 2) {
            throw new UnsupportedOperationException(String.format(Locale.ROOT, "it holds the logits of all heads at"
                    + " once, %.1f GiB here, more than half of this machine's memory", bytes / (1L << 30)));
        }
    }
}
