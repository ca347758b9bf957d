package dev.kdeformer.kde;

import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;

/** Estimators that may find a query too hard; those queries are then evaluated exactly, together. */
abstract class SampledDensity extends PointDensity {
    /** Queries of one task. */
    static final int CHUNK = 16;

    final Target target;
    private final ExactSums exact;

    SampledDensity(Team team, Points points, Target target) {
        super(points);
        this.target = target;
        this.exact = ExactSums.of(team, points);
    }

    /** An attempt to estimate the sum at one query. */
    @FunctionalInterface
    interface Attempt {
        /**
         * Estimates the sum.
         *
         * @param x       prepared query
         * @param counter is told the work
         * @return the logarithm, without the query's offset; NaN if the target is out of reach
         */
        double estimate(float[] x, Counter counter);
    }

    /** Answers with one attempt for each query. */
    final Statistics answerWith(Attempt attempt, Team team, Matrix queries, double[] logSums) {
        int[] all = new int[queries.rows()];
        Arrays.setAll(all, i -> i);
        long evaluations = estimateAll(team, queries, all, logSums, attempt);
        return finish(team, queries, unresolved(all, logSums), logSums, evaluations);
    }

    /** Estimates some queries; those that fail become NaN. Returns the evaluations of all. */
    final long estimateAll(Team team, Matrix queries, int[] rows, double[] logSums, Attempt attempt) {
        int chunks = Math.ceilDiv(rows.length, CHUNK);
        long[] evaluations = new long[chunks];
        team.forEach(chunks, (chunk, scratch) -> {
            float[] x = new float[points.stride()];
            Counter counter = new Counter();
            for (int i = chunk * CHUNK; i < Math.min(rows.length, (chunk + 1) * CHUNK); i++) {
                double offset = points.load(queries, rows[i], x, 0);
                logSums[rows[i]] = attempt.estimate(x, counter) + offset;
            }
            evaluations[chunk] = counter.count;
        });
        return Arrays.stream(evaluations).sum();
    }

    /** Evaluates the queries that are left exactly. */
    final Statistics finish(Team team, Matrix queries, int[] hard, double[] logSums, long evaluations) {
        if (hard.length > 0) {
            exact.answer(team, queries, hard, logSums);
        }
        double all = evaluations + (double) hard.length * points.count();
        int asked = Math.max(1, queries.rows());
        return new Statistics(all / asked, (double) hard.length / asked);
    }

    /** Those of the rows whose estimate is NaN. */
    static int[] unresolved(int[] rows, double[] logSums) {
        return Arrays.stream(rows).filter(row -> Double.isNaN(logSums[row])).toArray();
    }

    @Override
    public final double relativeError() {
        return target.relativeError();
    }

    @Override
    public double failureProbability() {
        return target.failureProbability();
    }

    @Override
    final void free() {
        exact.close();
    }

    /** Counts evaluations. */
    static final class Counter {
        private long count;

        void add(long evaluations) {
            count += evaluations;
        }
    }
}
