package dev.kdeformer.pilot.walk;

import dev.kdeformer.pilot.keys.TileSpread;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.search.Unit;

/** What can be said of a search for an effort before anything is prepared for it. */
public final class Glance {
    /**
     * The spread of a tile beyond which no pass is expected to keep a budget of 1, for each key. What an expansion to
     * the second order leaves grows with the spread to the power of 3/2, and what a vain search costs beside exact
     * attention falls with the number of keys.
     */
    private static final double CALM = 2.0 / 4096;

    private Glance() {
    }

    /**
     * Whether some query head of a unit may find a pass that keeps its budget and is worth looking for; true where an
     * effort is known or wanted whatever it takes.
     *
     * @param tile  queries of a tile
     * @param doubt what the spread is allowed to exceed that by which no pass is expected
     */
    public static boolean promises(Unit unit, int tile, double doubt) {
        PilotOptions options = unit.options();
        int[] visible = unit.head().visibleKeys();
        if (options.promise().thorough() || options.promise().calibration() != null || visible.length == 0) {
            return true;
        }
        double calm = doubt * CALM * visible.length * Math.pow(options.budget().error(), 2.0 / 3);
        for (int member = 0; member < unit.head().groupSize(); member++) {
            double spread = TileSpread.guess(unit.head(), member, visible, unit.call().input().scale(), tile,
                    unit.team());
            if (spread <= calm) {
                return true;
            }
        }
        return false;
    }
}
