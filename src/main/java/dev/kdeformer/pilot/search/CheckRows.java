package dev.kdeformer.pilot.search;

import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;

/**
 * The exact rows that passes over a head are compared with. They are drawn with several densities one after the other,
 * because what holds the error is not known beforehand: evenly, by how far queries lie from the middle of their tile,
 * by how doubtful a pass found them. Each row counts for as many as rows like it were drawn by all densities together,
 * so that estimates of sums over all rows are unbiased (Veach and Guibas, "Optimally combining sampling techniques for
 * Monte Carlo rendering", 1995, the balance heuristic).
 */
public final class CheckRows {
    /** Computes exact rows. */
    @FunctionalInterface
    public interface Source {
        /** Sets the rows of a sample from index {@code from} on. */
        void sample(RowSample sample, int from, Team team);
    }

    private final RowSample sample;
    private final CounterRandom random;
    private final Source exact;
    /** How often each position is expected to have been drawn. */
    private final double[] often;
    private int draws;

    /**
     * No rows yet.
     *
     * @param queries number of queries
     * @param exact   computes rows
     */
    public CheckRows(RowSample sample, int queries, Source exact, CounterRandom random) {
        this.sample = sample;
        this.exact = exact;
        this.random = random;
        this.often = new double[queries];
    }

    /** The rows drawn so far. */
    public RowSample sample() {
        return sample;
    }

    /** Number of queries of the head. */
    int queries() {
        return often.length;
    }

    /** How many rows to draw next: as many as there are, up to so many in all; 0 where few are left. */
    public int more(int most) {
        int count = sample.count();
        int more = Math.min(count, most - count);
        return more < count / 2 ? 0 : Math.max(0, more);
    }

    /** Each query's part of all where none is preferred. */
    public double[] evenly() {
        double[] parts = new double[often.length];
        Arrays.fill(parts, 1.0 / parts.length);
        return parts;
    }

    /**
     * Some rows to be drawn. One is drawn from every stretch of positions that holds one part in {@code count}: errors
     * gather in a few tiles, which chance would miss or repeat.
     *
     * @param count how many
     * @param parts how likely each position is drawn; they add up to 1
     * @param often how often each was expected to be drawn before {@code parts} was chosen; null where there was no
     *              choice
     */
    public record Draw(int count, double[] parts, double[] often) {
        /** Rows whose likelihoods are what was always meant. */
        public Draw(int count, double[] parts) {
            this(count, parts, null);
        }
    }

    /** Draws rows and computes them. */
    public void add(Team team, Draw... all) {
        int from = sample.count();
        int[] positions = sample.positions();
        for (Draw draw : all) {
            int[] drawn = draw(draw.count, draw.parts);
            for (int i = 0; i < often.length; i++) {
                often[i] += draw.often == null ? draw.count * draw.parts[i] : draw.often[i];
            }
            int before = positions.length;
            positions = Arrays.copyOf(positions, before + drawn.length);
            System.arraycopy(drawn, 0, positions, before, drawn.length);
        }
        sample.add(Arrays.copyOfRange(positions, from, positions.length),
                Arrays.stream(positions).mapToDouble(each -> 1 / (often[each] * often.length)).toArray());
        exact.sample(sample, from, team);
    }

    private int[] draw(int count, double[] parts) {
        int[] positions = new int[count];
        CounterRandom stream = random.stream(draws++);
        double sum = 0;
        int position = -1;
        for (int i = 0; i < count; i++) {
            double place = (i + stream.uniform(i)) / count;
            while (sum <= place && position + 1 < parts.length) {
                sum += parts[++position];
            }
            positions[i] = position;
        }
        return positions;
    }
}
