package dev.kdeformer.measure;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;

/**
 * What a sample of exact rows says about an approximate output, without the exact output. In every head of every batch
 * item some rows are drawn uniformly, without replacement and independently of the other heads, and computed exactly in
 * double precision, which costs their share of exact attention (about five times as much for each row as float32
 * would).
 *
 * <p>The relative error of a head is ‖Õ − O‖_F / ‖O‖_F, not centred; {@link #relative} is about its mean over the
 * heads. The mean squared row error of a head is ‖Õ − O‖_F² / n; {@link #meanSquare} is about its mean over the heads,
 * and its estimate is unbiased (that of a ratio's square root cannot quite be).
 *
 * <p>Row errors are heavy-tailed, and Student's interval would miss far more often than it says. The interval of each
 * head's mean squared error, and of its mean squared row norm, is Fay and Feuer's gamma interval with an allowance for
 * rows larger than any sampled one; the two are combined on the logarithmic scale, and heads by adding the squares of
 * the distances from estimate to end (Zou and Donner 2008, "Construction of confidence limits about effect measures").
 * From 64 rows a head on, simulations find the true value inside at least as often as stated, with one exception that
 * no sample escapes: when most of the error sits in rows so few that less than about five of them are expected
 * in the sample (below 8 % of the rows at 64, 2 % at 256), the upper end can lie too low. {@link #bound} cannot: it
 * rests on nothing but the sizes of the values and of the approximate output, and is much larger for that.
 *
 * <p>Where all rows are drawn, the figures are exact and the intervals have width 0. Where the approximate output holds
 * NaN or infinity, all of them are +∞.
 *
 * @param rows       rows computed in each head
 * @param confidence the share of samples whose interval is meant to hold the true value
 * @param relative   the mean over the heads of the relative error
 * @param meanSquare the mean over the heads of the mean squared row error
 * @param bound      what {@code meanSquare}'s true value exceeds with probability 1 − {@code confidence} at most,
 *                   whatever the distribution of the row errors (Hoeffding 1963, Theorem 1)
 * @param heads      the relative error of every head, those of the first batch item first
 */
public record Certificate(int rows, double confidence, Interval relative, Interval meanSquare, double bound,
        List<Interval> heads) {
    /** The least number of rows that {@link #of} takes, unless there are fewer. */
    public static final int LEAST_ROWS = 8;

    private static final long PURPOSE = 0x726f7773; // "rows", so that no other user of the seed draws the same

    /** Copies the list. */
    public Certificate {
        heads = List.copyOf(heads);
    }

    /** The estimate of the mean relative error. */
    public double estimate() {
        return relative.estimate();
    }

    /** The lower end for the mean relative error. */
    public double low() {
        return relative.low();
    }

    /** The upper end for the mean relative error; +∞ if the sample says nothing about it. */
    public double high() {
        return relative.high();
    }

    /**
     * Draws rows, computes them exactly and compares.
     *
     * @param engine      threads; the result does not depend on their number
     * @param input       what was attended, with mask and bias
     * @param approximate Õ, (batch, heads, n, d_v)
     * @param rows        rows in each head, at least {@link #LEAST_ROWS}; as many as there are if more than that
     * @param seed        the same seed draws the same rows
     * @param confidence  strictly between 0 and 1, such as 0.95
     * @throws IllegalArgumentException if an argument is out of range, there is no query, the shape of
     *                                  {@code approximate} is not the output's, or the input holds NaN or infinity
     *                                  where it matters
     * @throws IllegalStateException    if a tensor's arena or the engine is closed
     */
    public static Certificate of(Engine engine, AttentionInput input, Tensor approximate, int rows, long seed,
            double confidence) {
        Objects.requireNonNull(engine, "engine");
        Shape shape = Objects.requireNonNull(input, "input").outputShape();
        if (!Objects.requireNonNull(approximate, "approximate").shape().equals(shape)) {
            throw new IllegalArgumentException("approximate output must have shape " + shape + ", got "
                    + approximate.shape());
        }
        if (shape.rows() == 0) {
            throw new IllegalArgumentException("input must have at least 1 query, got 0");
        }
        if (rows < LEAST_ROWS) {
            throw new IllegalArgumentException("rows must be at least " + LEAST_ROWS + ", got " + rows);
        }
        if (!(confidence > 0 && confidence < 1)) {
            throw new IllegalArgumentException("confidence must lie strictly between 0 and 1, got " + confidence);
        }
        int heads = Math.multiplyExact(shape.batch(), shape.heads());
        int drawn = Math.min(rows, shape.rows());
        int[][] sample = new int[heads][];
        for (int head = 0; head < heads; head++) {
            sample[head] = CounterRandom.of(seed).stream(PURPOSE, head).sample(shape.rows(), drawn);
        }
        AttentionInput hidden = input.withHiddenKeys();
        double[] largest = new double[heads];
        RowErrors errors = new RowErrors(approximate, sample);
        Team crew = Crews.begin(engine);
        try {
            crew.forEach(heads, (head, scratch) -> largest[head] = ErrorRange.of(hidden, approximate, head));
            ExactRows.compute(crew, hidden, sample, errors);
        } finally {
            Crews.end(engine, crew);
        }
        return judge(errors, largest, shape, confidence);
    }

    private static Certificate judge(RowErrors errors, double[] largest, Shape shape, double confidence) {
        int n = shape.rows();
        int heads = largest.length;
        int drawn = errors.errors(0).length;
        List<Interval> squares = new ArrayList<>();
        List<Interval> relative = new ArrayList<>();
        double greatest = 0;
        for (int head = 0; head < heads; head++) {
            double[] norms = errors.norms(head);
            if (!Double.isFinite(MeanInterval.mean(norms)) || Double.isNaN(largest[head])) {
                throw new IllegalArgumentException("input must be finite, and is not at (batch "
                        + head / shape.heads() + ", head " + head % shape.heads() + ")");
            }
            if (largest[head] == Double.POSITIVE_INFINITY) {
                Interval infinite = Interval.exactly(Double.POSITIVE_INFINITY);
                return new Certificate(drawn, confidence, infinite, infinite, Double.POSITIVE_INFINITY,
                        Collections.nCopies(heads, infinite));
            }
            greatest = Math.max(greatest, largest[head]);
            Interval square = MeanInterval.of(errors.errors(head), n, confidence);
            double cap = MeanInterval.bound(square.estimate(), drawn, largest[head], (1 + confidence) / 2);
            square = square.cappedAt(cap);
            squares.add(square);
            relative.add(square.dividedBy(MeanInterval.of(norms, n, confidence)).squareRoot());
        }
        Interval meanSquare = Interval.mean(squares);
        double bound = drawn == n ? meanSquare.estimate()
                : MeanInterval.bound(meanSquare.estimate(), (long) heads * drawn, greatest, confidence);
        return new Certificate(drawn, confidence, Interval.mean(relative), meanSquare, bound, relative);
    }
}
