package dev.kdeformer.kde;

import dev.kdeformer.Engine;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/** What all estimators share: checks, and a lock that lets nobody free memory under a running query. */
abstract class DensityBase implements KernelDensity {
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private boolean closed;

    @Override
    public final Statistics query(Engine engine, Tensor tensor, double[] logSums) {
        Objects.requireNonNull(engine, "engine");
        Matrix queries = DensityBuilder.single("queries", tensor);
        Objects.requireNonNull(logSums, "logSums");
        if (queries.columns() != features()) {
            throw new IllegalArgumentException("queries must have " + features() + " columns like the points, got "
                    + queries.columns());
        }
        if (logSums.length != queries.rows()) {
            throw new IllegalArgumentException("logSums must have an element for each of the " + queries.rows()
                    + " queries, got " + logSums.length);
        }
        lock.readLock().lock();
        try {
            if (closed) {
                throw new IllegalStateException("the density is closed");
            }
            Team team = Crews.begin(engine);
            try {
                return answer(team, queries, logSums);
            } finally {
                Crews.end(engine, team);
            }
        } finally {
            lock.readLock().unlock();
        }
    }

    @Override
    public final void close() {
        lock.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                free();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** Answers checked queries. */
    abstract Statistics answer(Team team, Matrix queries, double[] logSums);

    /** Frees memory; called once. */
    void free() {
    }
}
