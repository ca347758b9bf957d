package dev.kdeformer.decode;

import java.util.List;

/** Where the keys of one head lie, by the order in which they were appended. */
final class Positions {
    private final List<Region> regions;
    private final int[][] inverse;

    Positions(List<Region> regions, int unit) {
        this.regions = regions;
        this.inverse = new int[regions.size()][];
        for (int r = 0; r < inverse.length; r++) {
            inverse[r] = regions.get(r).inverse(unit);
        }
    }

    /** The position of a key. */
    int of(int place) {
        for (int r = 0; r < inverse.length; r++) {
            int first = regions.get(r).first();
            if (place >= first && place < regions.get(r).end()) {
                return first + inverse[r][place - first];
            }
        }
        return place;
    }
}
