package dev.kdeformer.runtime;

/**
 * Threads that work on one call together: the leader, which is the calling thread, and helpers. Results must not
 * depend on which thread runs which index, and then do not depend on the number of threads either.
 */
public interface Team {
    /** A piece of work. */
    @FunctionalInterface
    interface Task {
        /**
         * Does piece {@code index}.
         *
         * @param scratch memory of the running thread; what the task takes is released after it
         */
        void run(int index, Scratch scratch);
    }

    /** A piece of work that can be shared in turn. */
    @FunctionalInterface
    interface Part {
        /**
         * Does part {@code index}.
         *
         * @param team who is there for it
         */
        void run(int index, Team team);
    }

    /** A piece of work on a range of indices. */
    @FunctionalInterface
    interface Range {
        /**
         * Does indices [from, to).
         *
         * @param scratch memory of the running thread; what is taken of it is released after the piece
         */
        void run(int from, int to, Scratch scratch);
    }

    /** Number of threads, the leader included. */
    int threads();

    /** Memory of the leader. What it takes here stays valid for all tasks until it releases it. */
    Scratch scratch();

    /**
     * Runs {@code task} for every index in [0, count), each once, in no particular order, and returns when all are
     * done. The leader takes part. Tasks must not call this on the same team.
     *
     * @throws java.util.concurrent.CancellationException if the leader is interrupted
     */
    void forEach(int count, Task task);

    /** Runs {@code range} for all of [0, count), {@code size} indices at a time, as {@link #forEach} does. */
    default void forRanges(int count, int size, Range range) {
        forEach(Math.ceilDiv(count, size),
                (index, scratch) -> range.run(index * size, Math.min(count, (index + 1) * size), scratch));
    }

    /**
     * Runs {@code part} for every index in [0, count): each on a thread of its own, helped by those that have none,
     * where there are at least {@code perThread} for every thread, else one after another with the whole team.
     */
    default void deal(int count, int perThread, Part part) {
        if (count >= (long) perThread * threads()) {
            forEach(count, (index, scratch) -> part.run(index, alone(scratch)));
        } else {
            for (int index = 0; index < count; index++) {
                part.run(index, this);
            }
        }
    }

    /**
     * Ends the running task if the call is to stop; for tasks that take long.
     *
     * @throws java.util.concurrent.CancellationException if the running thread is interrupted or another one failed
     */
    void check();

    /** Adds to the amount of work that {@link #advance} will report. */
    void expect(long units);

    /** Reports work done; may be called from any task. */
    void advance(long units);

    /** A team of one for use inside a task, on the running thread's memory. Its progress counts for this team. */
    default Team alone(Scratch scratch) {
        return new Solo(this, scratch);
    }
}
