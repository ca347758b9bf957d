package dev.kdeformer.onnx;

/**
 * How a model is opened. An immutable value.
 *
 * @param threads          threads of ONNX Runtime and of the engine, which never compute at the same time
 * @param compactHeap      whether to have the C library return large blocks at once, see {@link #withCompactHeap}
 * @param shortestSequence sequences shorter than this run uncut where exact attention is asked for
 */
public record OnnxOptions(int threads, boolean compactHeap, int shortestSequence) {
    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException if {@code threads} is not between 1 and 1,024 or {@code shortestSequence} is
     *                                  negative
     */
    public OnnxOptions {
        if (threads < 1 || threads > 1024) {
            throw new IllegalArgumentException("threads must be between 1 and 1024, got " + threads);
        }
        if (shortestSequence < 0) {
            throw new IllegalArgumentException("shortestSequence must not be negative, got " + shortestSequence);
        }
    }

    /** All processors; large blocks returned at once; sequences shorter than 320 uncut. */
    public static OnnxOptions defaults() {
        return new OnnxOptions(Runtime.getRuntime().availableProcessors(), true, 320);
    }

    /** The same with another number of threads. */
    public OnnxOptions withThreads(int number) {
        return new OnnxOptions(number, compactHeap, shortestSequence);
    }

    /**
     * The same with or without the setting of the C library's heap that keeps long runs small: blocks from 1 MB on are
     * mapped and unmapped one by one ({@code mallopt(M_MMAP_THRESHOLD)}). It holds for the whole process; the
     * environment variable {@code MALLOC_MMAP_THRESHOLD_}, if set, goes before. Only glibc has it.
     */
    public OnnxOptions withCompactHeap(boolean compact) {
        return new OnnxOptions(threads, compact, shortestSequence);
    }

    /**
     * The same with another length below which the model runs uncut: there a cut costs more than it gains. 0 cuts at
     * any length.
     */
    public OnnxOptions withShortestSequence(int length) {
        return new OnnxOptions(threads, compactHeap, length);
    }
}
