package dev.kdeformer.peers;

import com.sun.management.OperatingSystemMXBean;
import dev.kdeformer.AttentionInput;
import java.lang.management.ManagementFactory;
import java.util.Locale;

/** What the peers are not asked to compute. */
final class Limits {
    private Limits() {
    }

    /**
     * Refuses what no peer has a plain counterpart for.
     *
     * @throws UnsupportedOperationException if the input has key lengths, a key bias or queries that see no key
     */
    static void checkMask(AttentionInput input) {
        if (input.keyBias() != null || input.mask().hasKeyLengths()) {
            throw new UnsupportedOperationException("peers are timed without key biases and key lengths");
        }
        int unseeing = -input.mask().causalOffset(input.queries(), input.keys());
        if (unseeing > 0) {
            throw new UnsupportedOperationException("the first " + unseeing
                    + " queries see no key, for which peers have no result");
        }
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
