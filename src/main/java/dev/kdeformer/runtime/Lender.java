package dev.kdeformer.runtime;

/** Where an engine takes the threads and the scratch memory of its calls from. */
public interface Lender extends AutoCloseable {
    /** Number of threads of a call, the calling one included. */
    int threads();

    /**
     * Lends a team for one call; it goes back with {@link #end}.
     *
     * @throws IllegalStateException if the lender is closed
     */
    Team begin();

    /** Takes back the team of a finished call. */
    void end(Team team);

    /** The part of the latest call's work that is done, from 0 to 1; may be asked from any thread. */
    double progress();

    /** Off-heap scratch bytes that idle teams hold. */
    long bytes();

    /** Waits for running calls and frees scratch memory; {@link #begin} refuses from then on. */
    @Override
    void close();
}
