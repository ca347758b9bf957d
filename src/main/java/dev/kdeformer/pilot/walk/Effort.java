package dev.kdeformer.pilot.walk;

/**
 * How much a pass down the tree spends.
 *
 * @param candidates keys passed down per query of a node (κ)
 * @param near       keys evaluated exactly per tile, or 0 where {@code threshold} decides
 * @param threshold  a key is evaluated exactly where the logarithm of its expected squared error, as a part of the
 *                   squared norm of the output, exceeds this
 * @param usual      where not 0, a tile evaluates as many keys as the geometric mean of this and of how many the
 *                   threshold asks for: expected errors rank the keys of a tile well and tiles badly, so that with the
 *                   threshold alone some tiles took all of their keys and were no better for it
 * @param tile       queries of a leaf, aimed at: all of them evaluate the same near keys. What a leaf costs besides
 *                   those is the same for any tile, so that large tiles with more near keys are cheaper at the same
 *                   error, up to a point
 */
public record Effort(int candidates, int near, double threshold, int usual, int tile) {
    /** Queries of a tile within an error budget. */
    static final int TILE = 256;

    /**
     * Candidates of the efforts of rising cost that an error budget chooses from. They change seldom: what inner nodes
     * have found serves all efforts with the same candidates. On real heads each effort takes a tenth to a third off
     * the error of the one before.
     */
    private static final int[] CANDIDATES = {6, 6, 6, 6, 6, 8, 8, 8, 8, 12, 12, 16, 16};

    /** Thresholds of the first effort, and from one to the next. */
    private static final double FIRST = -10;
    private static final double STEP = -1.4;

    /** Keys that a tile usually evaluates, and what they grow by from one to the next. */
    private static final double USUAL = 250;
    private static final double MORE = 1.4;

    /** The highest rung. */
    static final double TOP = CANDIDATES.length - 1;

    /** The effort of a rung from 0 to {@link #TOP}, whole or between two. */
    static Effort at(double rung, int tile) {
        return new Effort(CANDIDATES[(int) Math.ceil(rung)], 0, FIRST + STEP * rung,
                (int) (USUAL * Math.pow(MORE, rung)), tile);
    }

    /** Fixed numbers of keys. */
    static Effort fixed(int candidates, int near, int tile) {
        return new Effort(candidates, near, 0, 0, tile);
    }

    /** Each tile takes the keys that it needs. */
    static Effort adaptive(int candidates, double threshold, int tile) {
        return new Effort(candidates, 0, threshold, 0, tile);
    }

    /**
     * The first level that is walked: nodes above it would drop few keys or none. Half a step further down than that
     * costs little, and gives all threads something to do.
     */
    int topLevel(int queries, int keys, int leaf) {
        int level = leaf % PilotWalk.LEVELS;
        while (level + PilotWalk.LEVELS <= leaf && 2L * candidates * (queries >> level) >= keys) {
            level += PilotWalk.LEVELS;
        }
        return level;
    }

    /** The same with the threshold lower by the logarithm of how much values vary beside the output. */
    Effort relativeTo(double logVariation) {
        return isAdaptive() ? new Effort(candidates, 0, threshold - logVariation, usual, tile) : this;
    }

    boolean isAdaptive() {
        return near == 0;
    }
}
