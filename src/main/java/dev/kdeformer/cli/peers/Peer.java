package dev.kdeformer.cli.peers;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.tensor.Tensor;

/**
 * Another engine's attention on the CPU, to be timed beside this one. Implementations are found by
 * {@link java.util.ServiceLoader}, because their libraries are large and need not be there.
 */
public interface Peer {
    /** The peer's name in tables and, after {@code peer:}, in reports. */
    String name();

    /**
     * The version of the peer's library.
     *
     * @throws LinkageError if the library does not load on this machine
     */
    String version();

    /** One sentence on a setting of this machine that makes the peer slower than it could be, or the empty string. */
    default String caution() {
        return "";
    }

    /**
     * Makes everything a call needs: tensors in the peer's own layout, a session, threads. None of it is timed.
     *
     * @param input   what is attended; its memory must stay valid until the result is closed
     * @param threads number of threads of a call
     * @return the call, to be run and closed by the thread that prepared it
     * @throws UnsupportedOperationException if the peer cannot compute this input; the message is one sentence
     * @throws LinkageError                  if the peer's library does not load on this machine
     */
    Call prepare(AttentionInput input, int threads);

    /** A prepared call, which can be run any number of times. */
    interface Call extends AutoCloseable {
        /** Whether logits, softmax and product are one tiled kernel, which never holds the n × m logits of a head. */
        boolean fused();

        /** Computes the output once: this is what is timed. */
        void run();

        /**
         * Copies the output of the latest run.
         *
         * @param output receives (batch, heads, n, d_v)
         */
        void copyOutput(Tensor output);

        @Override
        void close();
    }
}
