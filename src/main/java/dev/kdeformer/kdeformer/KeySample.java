package dev.kdeformer.kdeformer;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;

/**
 * A weighted sample of sorted keys. Entries are in ascending order of position, so that those inside a block of the
 * order are neighbours, and no key appears twice: where draws repeat one, its weight is multiplied.
 *
 * <p>With s draws of probabilities p, the weight of a key drawn c times is c / (s·p), or 1 / π for a key that strata
 * take with probability π. The weighted sum of any function over the sample then has the expectation of the sum over
 * all keys, and so has the sum over the sample outside some block of the sum over the keys outside it: a query simply
 * skips the entries in its own block.
 */
final class KeySample {
    private final long positions;
    private final long logWeights;
    private int count;

    private KeySample(Scratch scratch, int capacity) {
        this.positions = scratch.ints(capacity);
        this.logWeights = scratch.floats(capacity);
    }

    /**
     * Draws a sample.
     *
     * @param scratch receives the entries
     * @param samples number of draws s, at least 1
     * @param random  a stream that is used for nothing else
     * @param order   address of ints, the key at every position
     * @param size    number of positions
     * @param weights address of floats, the sampling weight of every key; 0 for a key that must not be drawn
     */
    static KeySample draw(Scratch scratch, Draws draws, int samples, CounterRandom random, long order, int size,
            long weights) {
        KeySample sample = new KeySample(scratch, samples + 1);
        SortedWeights sorted = new SortedWeights(order, size, weights);
        switch (draws) {
            case WITH_REPLACEMENT -> sample.drawWithReplacement(scratch, samples, random, sorted);
            case STRATIFIED -> sample.drawFromStrata(samples, random, sorted);
        }
        return sample;
    }

    /** Number of entries. */
    int count() {
        return count;
    }

    /** Position of an entry in the sorted order. */
    int position(int entry) {
        return Memory.getInt(positions + (long) entry * Integer.BYTES);
    }

    /** Natural logarithm of the weight of an entry. */
    float logWeight(int entry) {
        return Memory.getFloat(logWeights + (long) entry * Float.BYTES);
    }

    /** The first entry at {@code position} or behind it. */
    int firstFrom(int position) {
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = low + high >>> 1;
            if (position(middle) < position) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    private void add(int position, double weight) {
        Memory.putInt(positions + (long) count * Integer.BYTES, position);
        Memory.putFloat(logWeights + (long) count * Float.BYTES, (float) Math.log(weight));
        count++;
    }

    /** The draws in ascending order, read off the cumulated weights in one pass. */
    private void drawWithReplacement(Scratch scratch, int samples, CounterRandom random, SortedWeights sorted) {
        double total = sorted.sumBelow(Double.POSITIVE_INFINITY);
        if (total == 0) {
            return;
        }
        double[] targets = scratch.keep(Targets.class, Targets::new).room(samples);
        for (int t = 0; t < samples; t++) {
            targets[t] = random.uniform(t) * total;
        }
        Arrays.sort(targets, 0, samples);
        int next = 0;
        double cumulated = 0;
        for (int position = 0; position < sorted.size && next < samples; position++) {
            double weight = sorted.at(position);
            if (weight == 0) {
                continue;
            }
            cumulated += weight;
            int drawn = next;
            while (next < samples && targets[next] < cumulated) {
                next++;
            }
            if (next > drawn) {
                add(position, (next - drawn) * total / (samples * weight));
            }
        }
    }

    /** Keys with an inclusion probability of 1 first, then one draw from every stratum of the others. */
    private void drawFromStrata(int samples, CounterRandom random, SortedWeights sorted) {
        double certain = Double.POSITIVE_INFINITY;
        int strata = samples;
        double total = sorted.sumBelow(certain);
        while (strata > 0 && total > 0) {
            double newCertain = total / strata;
            int taken = sorted.countBetween(newCertain, certain);
            if (taken == 0) {
                break;
            }
            strata -= taken;
            certain = newCertain;
            total = sorted.sumBelow(certain);
        }
        // Rounding may leave a total without strata or the reverse; then the few keys below are all taken.
        double unit = strata > 0 && total > 0 ? total / strata : 0;
        Strata walk = new Strata(random, strata);
        for (int position = 0; position < sorted.size; position++) {
            double weight = sorted.at(position);
            if (weight >= certain) {
                add(position, 1);
            } else if (weight > 0 && unit > 0 && walk.takes(weight / unit)) {
                add(position, unit / weight);
            }
        }
    }

    /**
     * Deville's systematic sampling: keys of probabilities π &lt; 1 side by side on a line that is cut into strata of
     * length 1. Every stratum draws one point. A key across a border may be hit from either side; once the left
     * stratum has hit it, the right one draws from what is left of its length, and where the left one has not, the
     * right one hits it more often, so that its probability is π in total.
     */
    private static final class Strata {
        private final CounterRandom random;
        private final int strata;
        private int stratum;
        private double cumulated;
        private double target;

        Strata(CounterRandom random, int strata) {
            this.random = random;
            this.strata = strata;
            target = random.uniform(0);
        }

        /** Whether the next key on the line is drawn. */
        boolean takes(double probability) {
            double from = cumulated;
            cumulated += probability;
            boolean taken = stratum < strata && target < cumulated && target >= from;
            int border = stratum + 1;
            if (cumulated < border || border >= strata) {
                return taken;
            }
            // This key crosses into the next stratum by "over", and lies in the old one with "under".
            stratum = border;
            double over = cumulated - border;
            double under = border - from;
            double u = random.uniform(border);
            double again = taken ? 0 : over / (1 - under);
            if (u < again) {
                target = Double.NaN; // this stratum's draw is spent on the key at the border
                return true;
            }
            double rest = (u - again) / (1 - again);
            target = border + over + rest * (1 - over);
            return taken;
        }
    }

    /** Sampling weights in sorted order. */
    private record SortedWeights(long order, int size, long weights) {
        double at(int position) {
            int key = Memory.getInt(order + (long) position * Integer.BYTES);
            return Memory.getFloat(weights + (long) key * Float.BYTES);
        }

        double sumBelow(double limit) {
            double sum = 0;
            for (int position = 0; position < size; position++) {
                double weight = at(position);
                sum += weight < limit ? weight : 0;
            }
            return sum;
        }

        int countBetween(double from, double to) {
            int number = 0;
            for (int position = 0; position < size; position++) {
                double weight = at(position);
                number += weight >= from && weight < to ? 1 : 0;
            }
            return number;
        }
    }

    /** A thread's room for the points that are drawn. */
    private static final class Targets {
        private double[] points = new double[0];

        double[] room(int length) {
            if (points.length < length) {
                points = new double[length];
            }
            return points;
        }
    }
}
