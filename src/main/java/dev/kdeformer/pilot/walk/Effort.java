package dev.kdeformer.pilot.walk;

import java.util.List;

/**
 * How much a pass down the tree spends.
 *
 * @param candidates keys passed down per query of a node (κ)
 * @param near       keys evaluated exactly per tile, or 0 where {@code threshold} decides
 * @param threshold  a key is evaluated exactly where the logarithm of its expected squared error, as a part of the
 *                   squared norm of the output, exceeds this
 * @param tile       queries of a leaf, aimed at: all of them evaluate the same near keys. What a leaf costs besides
 *                   those is the same for any tile, so that large tiles with more near keys are cheaper at the same
 *                   error, up to a point
 */
public record Effort(int candidates, int near, double threshold, int tile) {
    /** Queries of a tile within an error budget. */
    static final int TILE = 256;

    /**
     * Efforts of rising cost, for the search of an error budget. On real heads each takes a fifth to two fifths off the
     * error of the one before: on most by the threshold, on some only by the candidates.
     */
    private static final List<Rung> LADDER = List.of(new Rung(2, -9), new Rung(3, -11), new Rung(4, -12.5),
            new Rung(6, -13.5), new Rung(7, -14.75), new Rung(8, -16), new Rung(8, -17.25), new Rung(8, -18.5),
            new Rung(8, -19.5), new Rung(12, -20.5), new Rung(12, -21.25), new Rung(16, -22), new Rung(16, -24));

    /** The highest rung. */
    static final double TOP = LADDER.size() - 1;

    /** An effort of the ladder, for tiles of any size. */
    private record Rung(int candidates, double threshold) {
    }

    /** The effort of a rung of the ladder, or between two. */
    static Effort at(double rung, int tile) {
        int above = (int) Math.ceil(rung);
        Rung low = LADDER.get((int) rung);
        Rung high = LADDER.get(above);
        double part = rung - (int) rung;
        return adaptive((int) Math.round(low.candidates + part * (high.candidates - low.candidates)),
                low.threshold + part * (high.threshold - low.threshold), tile);
    }

    /** Fixed numbers of keys. */
    static Effort fixed(int candidates, int near, int tile) {
        return new Effort(candidates, near, 0, tile);
    }

    /** Each tile takes the keys that it needs. */
    static Effort adaptive(int candidates, double threshold, int tile) {
        return new Effort(candidates, 0, threshold, tile);
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
        return isAdaptive() ? adaptive(candidates, threshold - logVariation, tile) : this;
    }

    boolean isAdaptive() {
        return near == 0;
    }
}
