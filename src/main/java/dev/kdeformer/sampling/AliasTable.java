package dev.kdeformer.sampling;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import java.util.function.IntToDoubleFunction;

/**
 * Draws numbers from 0 to size − 1 with given probabilities in constant time: Walker's alias method ("An efficient
 * method for generating discrete random variables with general distributions", 1977) with Vose's linear-time table
 * (1991). Every slot of equal mass holds at most two numbers: its own up to a threshold, and its alias above.
 *
 * <p>The table lies in scratch memory (12 bytes a number) and is valid until that is released; 4 more bytes a number
 * are used while it is built. Immutable, and may be read by many threads.
 */
public final class AliasTable {
    private final long thresholds;
    private final long aliases;
    private final int size;
    private final double total;

    private AliasTable(long thresholds, long aliases, int size, double total) {
        this.thresholds = thresholds;
        this.aliases = aliases;
        this.size = size;
        this.total = total;
    }

    /**
     * A table for probabilities in proportion to weights. A number of weight 0 is never drawn.
     *
     * @param scratch receives the table on top of its stack
     * @param size    how many numbers, at least 1
     * @param weight  the weight of each number; asked several times, has to answer the same
     * @throws IllegalArgumentException if a weight is negative or not finite, or their sum is 0 or overflows
     */
    public static AliasTable of(Scratch scratch, int size, IntToDoubleFunction weight) {
        if (size < 1) {
            throw new IllegalArgumentException("size must be at least 1, got " + size);
        }
        double total = 0;
        for (int i = 0; i < size; i++) {
            double w = weight.applyAsDouble(i);
            if (!(w >= 0 && w < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("weights must be finite and not negative, got " + w + " for "
                        + i);
            }
            total += w;
        }
        if (!(total > 0 && total < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("the sum of the weights must be positive and finite, got " + total);
        }
        AliasTable table = new AliasTable(scratch.allocate((long) size * Double.BYTES), scratch.ints(size), size,
                total);
        long mark = scratch.mark();
        table.fill(scratch.ints(size), weight);
        scratch.release(mark);
        return table;
    }

    /** Vose's pass: while a slot lacks mass, a slot with too much fills it up and becomes its alias. */
    private void fill(long stack, IntToDoubleFunction weight) {
        int light = 0;
        int heavy = size;
        for (int i = 0; i < size; i++) {
            double mass = weight.applyAsDouble(i) / total * size;
            Memory.putDouble(thresholds + (long) i * Double.BYTES, mass);
            Memory.putInt(aliases + (long) i * Integer.BYTES, i);
            Memory.putInt(stack + (long) (mass < 1 ? light++ : --heavy) * Integer.BYTES, i);
        }
        while (light > 0 && heavy < size) {
            int poor = Memory.getInt(stack + (long) --light * Integer.BYTES);
            int rich = Memory.getInt(stack + (long) heavy * Integer.BYTES);
            double left = threshold(rich) - (1 - threshold(poor));
            Memory.putInt(aliases + (long) poor * Integer.BYTES, rich);
            Memory.putDouble(thresholds + (long) rich * Double.BYTES, left);
            if (left < 1) {
                heavy++;
                Memory.putInt(stack + (long) light++ * Integer.BYTES, rich);
            }
        }
        // Rounding can leave slots a hair from full without anyone to fill them. None of them is of weight 0: that
        // would take a whole slot of mass lost by rounding.
        while (light > 0) {
            int rest = Memory.getInt(stack + (long) --light * Integer.BYTES);
            Memory.putDouble(thresholds + (long) rest * Double.BYTES, 1);
        }
    }

    private double threshold(int i) {
        return Memory.getDouble(thresholds + (long) i * Double.BYTES);
    }

    /** Number of numbers. */
    public int size() {
        return size;
    }

    /** The sum of the weights: a number's probability is its weight divided by this. */
    public double total() {
        return total;
    }

    /**
     * The number that 64 random bits draw, such as {@link CounterRandom#bits}. The high part of the product with the
     * size picks the slot, the low part is compared with the threshold.
     */
    public int draw(long bits) {
        int slot = (int) Math.unsignedMultiplyHigh(bits, size);
        double within = (bits * size >>> 11) * 0x1p-53;
        return within < threshold(slot) ? slot : Memory.getInt(aliases + (long) slot * Integer.BYTES);
    }
}
