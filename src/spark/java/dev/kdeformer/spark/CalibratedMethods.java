package dev.kdeformer.spark;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Calibration;

/** Methods with the efforts of all heads, or of those of one task; efforts are sent as text. */
final class CalibratedMethods implements MethodSource {
    private static final long serialVersionUID = 1;

    private final CalibratedSource source;
    private final String efforts;
    private transient Calibration parsed;

    CalibratedMethods(CalibratedSource source, Calibration efforts) {
        this.source = source;
        this.efforts = efforts.toJson();
    }

    private synchronized Calibration efforts() {
        if (parsed == null) {
            parsed = Calibration.parse(efforts);
        }
        return parsed;
    }

    @Override
    public AttentionMethod make(long seed) {
        return source.make(seed, efforts());
    }

    /**
     * The method of some heads that follow each other.
     *
     * @param first number of the first query head; efforts begin anew where there are more heads than efforts
     * @throws IllegalArgumentException if the efforts end amid the heads
     */
    AttentionMethod make(long seed, int first, int count) {
        int from = Math.floorMod(first, efforts().efforts().size());
        if (from + count > efforts().efforts().size()) {
            throw new IllegalArgumentException("calibration must have efforts for all query heads of a key head, got "
                    + efforts().efforts().size() + " for query heads " + first + " to " + (first + count - 1));
        }
        return source.make(seed, efforts().heads(from, from + count));
    }
}
