package dev.kdeformer.decode;

import dev.kdeformer.kernel.DecodeTile;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;

/**
 * How far a row is off that counts some leaves by their summaries, judged by leaves whose keys are looked at. Kept per
 * thread.
 */
final class LeafErrors {
    /** Leaves among those read that are asked how much summaries err. */
    private static final int ASKED = 32;

    /**
     * Those asked are the last to be read, which are most like the leaves that were not: this part of all that were
     * read, and no fewer than that.
     */
    private static final double LAST = 0.2;
    private static final int LEAST_ASKED = 12;

    /** What the summaries' own word counts for beside them. */
    private static final double PRIOR = 2;

    /** The same, in parts of the output taken over, for leaves whose largest key decides. */
    private static final double WILD_PRIOR = 0.01;

    /** What errors that have nothing in common seem to have, as a part of their size over their number. */
    private static final double CHANCE = 0.5;

    /** Of so few that were asked, twice as much is put down to chance. */
    private static final double FEW = 4;

    /** Leaves that could not show in the output are not asked. */
    private static final double LEAST_EXPECTED = 1e-20;

    private static final double LEAST_SPREAD = 1e-30;

    private final RowLeaves leaves;
    private final UnreadLeaves unread;
    private float[] output = new float[0];
    private double[] error = new double[0];
    private double[] sum = new double[0];
    /** How often leaves were looked at by {@link #sampled}. */
    private int draws;

    /** Errors of what {@code leaves} has last scored, as {@code unread} has last looked at it. */
    LeafErrors(RowLeaves leaves, UnreadLeaves unread) {
        this.leaves = leaves;
        this.unread = unread;
    }

    /** Begins a row. */
    void begin() {
        int dv = leaves.call().store().dv();
        output = output.length == dv ? output : new float[dv];
        error = error.length == dv ? error : new double[dv];
        sum = sum.length == dv ? sum : new double[dv];
        draws = 0;
    }

    /** How many leaves of the row were drawn. */
    int draws() {
        return draws;
    }

    /**
     * The error to be expected of the leaves that were not read, ‖õ − o‖. What summaries say of it is right up to a
     * factor, which leaves that were read tell, because what their summaries would have got wrong is known: how large
     * their errors are, and how much of them points the same way and so adds up instead of averaging out. Leaves whose
     * largest key decides are reckoned apart.
     *
     * @param total binary logarithm of the sum of all weights
     */
    double predicted(double total, Scratch scratch) {
        if (unread.errors() == 0 && unread.wildErrors() == 0) {
            return 0;
        }
        double spread = Math.max(leaves.valueSpread(), LEAST_SPREAD);
        int[] last = last();
        Arrays.fill(sum, 0);
        leaves.call().readOutput(leaves.unit(), leaves.row(), output);
        double squares = 0;
        int asked = 0;
        double wildExpected = WILD_PRIOR;
        double wildMet = WILD_PRIOR;
        int count = Math.min(ASKED, last.length);
        for (int i = 0; i < count; i++) {
            int leaf = last[(int) ((long) i * last.length / count)];
            if (leaves.isWild(leaf)) {
                // What it takes over, or would have by its summary.
                double part = Math.min(1, Math.max(look(leaf, total, scratch), expectedMass(leaf, total)));
                wildExpected += leaves.takenOver(leaf, total);
                wildMet += part * part;
                continue;
            }
            double expected = Math.pow(2, leaves.scores().score()[leaf] / 2.0 - total) * Math.sqrt(spread);
            if (expected > LEAST_EXPECTED) {
                look(leaf, total, scratch);
                squares += add(1 / expected, 1);
                asked++;
            }
        }
        double pairs = square(sum) - squares;
        // Before anything is known a leaf errs as its summary says.
        double size = (squares + PRIOR) / (asked + PRIOR);
        // Less what pairs of errors in all directions may come to by chance.
        double common = asked < 2 ? 0 : Math.max(0, pairs / ((double) asked * (asked - 1))
                - CHANCE * size * (1 + FEW / asked) / asked);
        double all = unread.errors();
        // Where one key takes over, its value and the one before lie apart by the spread of both.
        double wild = 2 * Math.min(1, wildMet / wildExpected * unread.wildErrors());
        return Math.sqrt(spread * (size * unread.squaredErrors() + common * all * all + wild));
    }

    /** The leaves that would have been the last to be read. */
    private int[] last() {
        int count = leaves.readCount();
        int wanted = Math.min(count, Math.max(LEAST_ASKED, (int) (LAST * count)));
        float bar = leaves.scores().threshold(count - wanted);
        int[] last = new int[count];
        int found = 0;
        for (int i = 0; i < count; i++) {
            if (!(leaves.scores().score()[leaves.read(i)] > bar)) {
                last[found++] = leaves.read(i);
            }
        }
        return Arrays.copyOf(last, found);
    }

    /**
     * The error by a sample of the leaves that were not read: with e the true contribution of a leaf to the error and p
     * its chance, x = e/p has the error as its mean. A third of the chances each goes by the expected error, by the
     * squared mass, so that a leaf whose spread says too little is found as well, and to all leaves alike.
     *
     * @param total binary logarithm of the sum of all weights
     * @param count how many leaves to draw, with replacement
     * @return length of the mean of x, which is too large on average by what the draws differ
     */
    double sampled(double total, int count, CounterRandom random, Scratch scratch) {
        float[] score = leaves.scores().score();
        float[] mass = leaves.scores().mass();
        double errors = unreadSum(score, 1, 2 * total);
        double masses = unreadSum(mass, 2, 2 * total);
        int unreadCount = leaves.count() - leaves.readCount();
        if (!(errors > 0 && masses > 0)) {
            return 0;
        }
        double[] chances = new double[count];
        for (int i = 0; i < count; i++) {
            chances[i] = random.uniform(i);
        }
        Arrays.sort(chances);
        Arrays.fill(sum, 0);
        leaves.call().readOutput(leaves.unit(), leaves.row(), output);
        double reached = 0;
        int next = 0;
        int drawn = 0;
        for (int leaf = 0; leaf < leaves.count() && drawn < count; leaf++) {
            if (next < leaves.readCount() && leaves.read(next) == leaf) {
                next++;
                continue;
            }
            double chance = (RowLeaves.power(score[leaf] - 2 * total) / errors
                    + RowLeaves.power(2 * mass[leaf] - 2 * total) / masses + 1.0 / unreadCount) / 3;
            reached += chance;
            int times = 0;
            while (drawn < count && chances[drawn] < reached) {
                drawn++;
                times++;
            }
            if (times > 0 && mass[leaf] > Float.NEGATIVE_INFINITY) {
                look(leaf, total, scratch);
                add(1 / chance, times);
            }
        }
        draws += drawn;
        return drawn == 0 ? 0 : Math.sqrt(square(sum)) / drawn;
    }

    /** The sum of 2^(factor · exponent) over all leaves that were not read, relative to an exponent. */
    private double unreadSum(float[] exponents, int factor, double reference) {
        double all = 0;
        int next = 0;
        for (int leaf = 0; leaf < leaves.count(); leaf++) {
            if (next < leaves.readCount() && leaves.read(next) == leaf) {
                next++;
            } else {
                all += RowLeaves.power(factor * exponents[leaf] - reference);
            }
        }
        return all;
    }

    /** Adds a leaf's error to the sum, times a factor, so many times; the square of what is added. */
    private double add(double factor, int times) {
        double squares = 0;
        for (int c = 0; c < sum.length; c++) {
            double x = error[c] * factor;
            sum[c] += times * x;
            squares += times * x * x;
        }
        return squares;
    }

    private double expectedMass(int leaf, double total) {
        return Math.pow(2, leaves.scores().mass()[leaf] - total);
    }

    private static double square(double[] vector) {
        double square = 0;
        for (double each : vector) {
            square += each * each;
        }
        return square;
    }

    /**
     * Finds Σ p (v − o) − p̄ (v̄ − o) of a leaf, with weights p by its keys and p̄ and v̄ by its summary.
     *
     * @return Σ p
     */
    private double look(int leaf, double total, Scratch scratch) {
        DecodeTile tile = scratch.keep(DecodeTile.class, DecodeTile::new);
        leaves.call().begin(tile, leaves.unit(), leaves.row(), 1);
        leaves.put(tile, leaf);
        tile.flush();
        double by = Math.pow(2, tile.reference(0) - total);
        double mass = tile.sum(0) * by;
        double expected = expectedMass(leaf, total);
        int region = leaves.region(leaf);
        float[] move = unread.move(region);
        double moved = UnreadLeaves.moved(leaves.spread(leaf), leaves.unitVariance(region));
        // A leaf that outweighs all that was thought to be there takes the output over, and not many times so.
        double whole = Math.max(1, mass);
        long mean = leaves.meanValue(leaf);
        for (int c = 0; c < error.length; c++) {
            error[c] = (tile.values()[c] * by - mass * output[c]
                    - expected * (Memory.getFloat(mean + c * 4L) + moved * move[c] - output[c])) / whole;
        }
        return mass;
    }
}
