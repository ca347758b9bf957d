package dev.kdeformer;

import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * The efforts that kept an error budget on inputs like those to come: found once for every query head of a layer
 * ({@link dev.kdeformer.pilot.PilotAttention#calibrate}), then handed to the method ({@link
 * dev.kdeformer.pilot.PilotAttention.Builder#calibration}), which runs each head at its effort and only checks it. A
 * head whose check fails on a new input is searched for anew.
 *
 * @param budget  the relative spectral error that each head may have
 * @param causal  whether the inputs had a causal mask
 * @param efforts one for each query head, in their order
 */
public record Calibration(double budget, boolean causal, List<Effort> efforts) {
    /** Most heads of a layer that is read from text. */
    static final int MOST_HEADS = 65_536;

    /** Which passes an effort is counted in. */
    public enum Kind {
        /** Pilot rows of a tree of queries, with groups of keys. */
        TILES,
        /** Small tiles of queries, with cells of keys. */
        SMALL_CELLS,
        /** Large tiles of queries, with cells of keys. */
        LARGE_CELLS,
        /** Spans of queries under a causal mask. */
        SPANS,
        /** Exact attention. */
        EXACT
    }

    /**
     * What a head needs.
     *
     * @param kind  of its passes
     * @param rung  on their ladder, at least 0; 0 for exact attention
     * @param error the estimated relative spectral error, 0 for exact attention
     */
    public record Effort(Kind kind, double rung, double error) {
        /** Exact attention. */
        public static final Effort EXACT = new Effort(Kind.EXACT, 0, 0);

        /**
         * Checks the values.
         *
         * @throws IllegalArgumentException if {@code rung} is not between 0 and 1,000 or {@code error} is not a number
         *                                  from 0 on
         */
        public Effort {
            Objects.requireNonNull(kind, "kind");
            if (!(rung >= 0 && rung <= 1000)) {
                throw new IllegalArgumentException("rung must be between 0 and 1000, got " + rung);
            }
            if (!(error >= 0 && error < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("error must be a number of at least 0, got " + error);
            }
        }

        /** Returns the higher of two efforts: exact attention is above all, and of two kinds the other's passes are. */
        public Effort or(Effort other) {
            if (kind != other.kind) {
                return kind.compareTo(other.kind) > 0 ? this : other;
            }
            return rung >= other.rung ? this : other;
        }
    }

    /**
     * Checks the values and copies the list.
     *
     * @throws IllegalArgumentException if the budget is not a positive number or there is no effort
     */
    public Calibration {
        ErrorBudget.relativeSpectral(budget);
        efforts = List.copyOf(efforts);
        if (efforts.isEmpty()) {
            throw new IllegalArgumentException("efforts must not be empty");
        }
    }

    /** Returns the highest efforts of this and another calibration of the same heads. */
    public Calibration or(Calibration other) {
        if (other.budget != budget || other.causal != causal || other.efforts.size() != efforts.size()) {
            throw new IllegalArgumentException("calibrations must be for the same budget, mask and heads, got " + budget
                    + (causal ? " causal" : "") + " for " + efforts.size() + " and " + other.budget
                    + (other.causal ? " causal" : "") + " for " + other.efforts.size());
        }
        return new Calibration(budget, causal, IntStream.range(0, efforts.size())
                .mapToObj(head -> efforts.get(head).or(other.efforts.get(head))).toList());
    }

    /**
     * The efforts of some of the heads, for calls that have these alone.
     *
     * @param from the first of them
     * @param to   the one after the last
     * @throws IndexOutOfBoundsException if there are no such heads
     * @throws IllegalArgumentException  if {@code from} is {@code to}
     */
    public Calibration heads(int from, int to) {
        return new Calibration(budget, causal, efforts.subList(from, to));
    }

    /** This calibration as JSON text, which {@link #parse} reads. */
    public String toJson() {
        return CalibrationJson.write(this);
    }

    /**
     * Reads what {@link #toJson} has written.
     *
     * @throws IllegalArgumentException if it is not that, with the place and what is wrong there
     */
    public static Calibration parse(String json) {
        return new CalibrationJson(json).read();
    }
}
