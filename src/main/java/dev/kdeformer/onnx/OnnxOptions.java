package dev.kdeformer.onnx;

/**
 * How a model is opened. An immutable value.
 *
 * @param threads          threads of ONNX Runtime and of the engine, which never compute at the same time
 * @param compactHeap      whether to have the C library return large blocks at once, see {@link #withCompactHeap}
 * @param shortestSequence sequences shorter than this run uncut where exact attention is asked for
 * @param positions        tokens that a constant list of positions is stretched to, 0 to leave it alone
 */
public record OnnxOptions(int threads, boolean compactHeap, int shortestSequence, int positions) {
    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException if {@code threads} is not between 1 and 1,024 or another is negative
     */
    public OnnxOptions {
        if (threads < 1 || threads > 1024) {
            throw new IllegalArgumentException("threads must be between 1 and 1024, got " + threads);
        }
        if (shortestSequence < 0) {
            throw new IllegalArgumentException("shortestSequence must not be negative, got " + shortestSequence);
        }
        if (positions < 0) {
            throw new IllegalArgumentException("positions must not be negative, got " + positions);
        }
    }

    /** Returns the defaults: all processors, large blocks returned at once, sequences shorter than 320 uncut. */
    public static OnnxOptions defaults() {
        return new OnnxOptions(Runtime.getRuntime().availableProcessors(), true, 320, 0);
    }

    /** Returns the same with another number of threads. */
    public OnnxOptions withThreads(int number) {
        return new OnnxOptions(number, compactHeap, shortestSequence, positions);
    }

    /**
     * Returns the same with or without the setting of the C library's heap that keeps long runs small: blocks from 1 MB
     * on are mapped and unmapped one by one ({@code mallopt(M_MMAP_THRESHOLD)}). It holds for the whole process; the
     * environment variable {@code MALLOC_MMAP_THRESHOLD_}, if set, goes before. Only glibc has it.
     */
    public OnnxOptions withCompactHeap(boolean compact) {
        return new OnnxOptions(threads, compact, shortestSequence, positions);
    }

    /**
     * Returns the same with another length below which the model runs uncut: there a cut costs more than it gains. 0
     * cuts at any length.
     */
    public OnnxOptions withShortestSequence(int length) {
        return new OnnxOptions(threads, compactHeap, length, positions);
    }

    /**
     * The same for longer sequences than a model has positions for: where these are a constant list, neighbours share
     * one. For measurements; such a model was not trained for what it computes then.
     */
    public OnnxOptions withPositions(int tokens) {
        return new OnnxOptions(threads, compactHeap, shortestSequence, tokens);
    }
}
