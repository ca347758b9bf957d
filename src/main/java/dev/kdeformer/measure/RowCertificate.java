package dev.kdeformer.measure;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * How many rows of an approximate output are good, said from some rows that are computed exactly. A row õ is good where
 * ‖õ − o‖ is at most {@code error} times the root mean square norm of the exact output's rows in its head.
 *
 * <p>In each head, independently, with probability at least {@code confidence} over the draw of rows, at least the part
 * {@link #fractions} of all rows is good. The bound is that of Clopper and Pearson (1934) on the good ones among the
 * drawn, against the lower end of an interval for the mean square norm from the same rows; half of what may go wrong is
 * left to each. The smallest number of rows that can certify a part p is ln(2 / (1 − confidence)) / ln(1 / p).
 *
 * @param rows       drawn rows in each head
 * @param confidence probability that the bound of a head holds
 * @param error      the error that a good row has at most
 * @param fractions  the part of the rows that is good at least, by head, those of the first batch item first
 */
public record RowCertificate(int rows, double confidence, double error, List<Double> fractions) {
    private static final long PURPOSE = 0x726f77636572L; // "rowcer", so that no other user of the seed draws the same

    /** Copies the list. */
    public RowCertificate {
        fractions = List.copyOf(fractions);
    }

    /**
     * Returns the smallest number of rows that can certify a fraction, all of them good.
     *
     * @param fraction   strictly between 0 and 1
     * @param confidence strictly between 0 and 1
     * @throws IllegalArgumentException if one of them is not
     */
    public static int leastRows(double fraction, double confidence) {
        if (!(fraction > 0 && fraction < 1)) {
            throw new IllegalArgumentException("fraction must lie strictly between 0 and 1, got " + fraction);
        }
        if (!(confidence > 0 && confidence < 1)) {
            throw new IllegalArgumentException("confidence must lie strictly between 0 and 1, got " + confidence);
        }
        return (int) Math.min(Integer.MAX_VALUE, Math.ceil(Math.log((1 - confidence) / 2) / Math.log(fraction)));
    }

    /**
     * Tells whether every head is certified to keep a budget.
     *
     * @throws IllegalArgumentException if the budget is not about rows, or about another error than this certificate
     */
    public boolean keeps(ErrorBudget budget) {
        if (budget.measure() != ErrorBudget.Measure.ROWS || budget.error() != error) {
            throw new IllegalArgumentException("budget must be one of rows with an error of " + error + ", got "
                    + budget);
        }
        return least() >= budget.fraction();
    }

    /** Returns the least fraction of all heads. */
    public double least() {
        return fractions.stream().mapToDouble(Double::doubleValue).min().orElseThrow();
    }

    /**
     * Draws rows, computes them exactly and counts the good ones.
     *
     * @param engine      threads; the result does not depend on their number
     * @param input       what was attended, with mask and bias
     * @param approximate Õ, (batch, heads, n, d_v)
     * @param error       the error of a good row, not negative
     * @param draw        how many rows are drawn, and how sure to be
     * @throws IllegalArgumentException if an argument is out of range, there is no query, the shape of
     *                                  {@code approximate} is not the output's, or the input holds NaN or infinity
     *                                  where it matters
     * @throws IllegalStateException    if a tensor's arena or the engine is closed
     */
    public static RowCertificate of(Engine engine, AttentionInput input, Tensor approximate, double error, Draw draw) {
        Objects.requireNonNull(engine, "engine");
        Shape shape = Objects.requireNonNull(input, "input").outputShape();
        if (!Objects.requireNonNull(approximate, "approximate").shape().equals(shape)) {
            throw new IllegalArgumentException("approximate output must have shape " + shape + ", got "
                    + approximate.shape());
        }
        if (shape.rows() == 0) {
            throw new IllegalArgumentException("input must have at least 1 query, got 0");
        }
        if (!(error >= 0)) {
            throw new IllegalArgumentException("error must not be negative, got " + error);
        }
        int heads = Math.multiplyExact(shape.batch(), shape.heads());
        int drawn = Math.min(draw.rows, shape.rows());
        int[][] sample = new int[heads][];
        for (int head = 0; head < heads; head++) {
            sample[head] = CounterRandom.of(draw.seed).stream(PURPOSE, head).sample(shape.rows(), drawn);
        }
        RowErrors errors = new RowErrors(approximate, sample);
        Team crew = Crews.begin(engine);
        try {
            ExactRows.compute(crew, input, sample, errors);
        } finally {
            Crews.end(engine, crew);
        }
        return new RowCertificate(drawn, draw.confidence, error, IntStream.range(0, heads).mapToObj(head ->
                fraction(errors.errors(head), errors.norms(head), shape.rows(), error, draw.confidence)).toList());
    }

    /**
     * How rows are drawn.
     *
     * @param rows       rows in each head; as many as there are if more than that
     * @param seed       the same seed draws the same rows
     * @param confidence strictly between 0 and 1, such as 0.95
     */
    public record Draw(int rows, long seed, double confidence) {
        /**
         * Checks the numbers.
         *
         * @throws IllegalArgumentException if there are fewer than 8 rows, or the confidence is not between 0 and 1
         */
        public Draw {
            if (rows < Certificate.LEAST_ROWS) {
                throw new IllegalArgumentException("rows must be at least " + Certificate.LEAST_ROWS + ", got " + rows);
            }
            if (!(confidence > 0 && confidence < 1)) {
                throw new IllegalArgumentException("confidence must lie strictly between 0 and 1, got " + confidence);
            }
        }
    }

    private static double fraction(double[] errors, double[] norms, int n, double error, double confidence) {
        if (!Double.isFinite(MeanInterval.mean(norms))) {
            throw new IllegalArgumentException("input must be finite, and is not");
        }
        // Of what may go wrong, a half is left to each of the two statements; the interval's is shared by its two ends.
        double square = MeanInterval.of(norms, n, confidence).low();
        int good = 0;
        for (double each : errors) {
            good += each <= error * error * square ? 1 : 0;
        }
        return errors.length >= n ? (double) good / n : BinomialBound.lower(good, errors.length, (1 - confidence) / 2);
    }
}
