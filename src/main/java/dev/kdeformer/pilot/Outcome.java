package dev.kdeformer.pilot;

/** What came of some queries. */
final class Outcome {
    private double work;
    private int exactHeads;
    private double error = Double.NaN;

    /** Adds floating-point operations. */
    void add(double operations) {
        work += operations;
    }

    /** Counts a query head that was computed exactly. */
    void exact() {
        exactHeads++;
    }

    /** Takes note of a query head's estimated error. */
    void error(double estimate) {
        error = Double.isNaN(error) ? estimate : Math.max(error, estimate);
    }

    /** Adds what came of other queries. */
    void add(Outcome other) {
        work += other.work;
        exactHeads += other.exactHeads;
        if (!Double.isNaN(other.error)) {
            error(other.error);
        }
    }

    double work() {
        return work;
    }

    int exactHeads() {
        return exactHeads;
    }

    /** The largest estimated error, NaN without one. */
    double error() {
        return error;
    }
}
