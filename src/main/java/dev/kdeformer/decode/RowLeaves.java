package dev.kdeformer.decode;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;

import dev.kdeformer.kernel.DecodeTile;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PartialRows;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;
import java.util.List;

/**
 * The leaves of all regions as one row of a call sees them, numbered one region after the other: how they score, and
 * which of them are read. Kept per thread.
 */
final class RowLeaves {
    /** Leaves that one task scores. */
    private static final int SCORED = 1024;

    /** Weights below this power of two, beside the largest, add nothing. */
    private static final double LEAST_EXPONENT = -60;

    /** Squared distances beyond so many times the mean of a leaf's are not those of normal numbers. */
    private static final double OUTLIER = 5;

    /** What a share of nothing is taken for where its logarithm is needed. */
    private static final double LEAST_SHARE = 1e-300;

    private final LeafScores scores = new LeafScores();
    private DecodeCall call;
    private List<Region> regions;
    private int unit;
    private int row;
    private float[] query = new float[0];
    private float[] scaled = new float[0];
    private double[] variances = new double[0];
    private int[] firstLeaf = new int[1];
    private int[] read = new int[0];
    private int count;
    private int readCount;
    private double valueSpread;
    private boolean ranked;

    /** A thread's buffer of logits. */
    private static final class Logits {
        private final float[] floats = new float[GROUP];
    }

    /** Scores the leaves for a row. */
    void begin(DecodeCall newCall, int newUnit, int newRow, Team team) {
        call = newCall;
        regions = call.regions();
        unit = newUnit;
        row = newRow;
        int d = call.store().d();
        if (query.length < d) {
            query = new float[d];
            scaled = new float[d];
        }
        call.readQuery(unit, row, query, 0);
        float power = call.logitScale().power();
        for (int c = 0; c < d; c++) {
            scaled[c] = query[c] * power;
        }
        firstLeaf = firstLeaf.length < regions.size() + 1 ? new int[regions.size() + 1] : firstLeaf;
        count = 0;
        valueSpread = 0;
        for (int r = 0; r < regions.size(); r++) {
            firstLeaf[r] = count;
            count += regions.get(r).padded();
            valueSpread = Math.max(valueSpread, regions.get(r).valueSpread(unit));
        }
        firstLeaf[regions.size()] = count;
        variances = variances.length < regions.size() ? new double[regions.size()] : variances;
        scores.resize(count);
        read = read.length < count ? new int[count] : read;
        readCount = 0;
        ranked = false;
        score(team);
    }

    private void score(Team team) {
        LogitScale logitScale = call.logitScale();
        int d = call.store().d();
        for (int r = 0; r < regions.size(); r++) {
            Region region = regions.get(r);
            int at = firstLeaf[r];
            double variance = (double) call.scale() * call.scale() * region.squaredLength(unit, query);
            variances[r] = variance;
            LeafScores.Query seen = new LeafScores.Query(scaled, d, logitScale.factor(), variance);
            team.forEach(Math.ceilDiv(region.padded(), SCORED), (slice, scratch) -> scores.add(region, unit,
                    slice * SCORED, Math.min(region.padded(), (slice + 1) * SCORED), at, seen,
                    scratch.keep(Logits.class, Logits::new).floats));
        }
    }

    /**
     * Ranks leaves whose largest key decides by how much of the output that key is likely to take over, and from now on
     * counts those to them of which one key sticks out. That costs other leaves their turn, and is for rows that have
     * to reach a target.
     *
     * @param tail state of the keys that are always read
     */
    void rank(PartialRows tail) {
        ranked = true;
        double total = Double.NaN;
        for (int leaf = 0; leaf < count; leaf++) {
            if (scores.mass()[leaf] > Float.NEGATIVE_INFINITY && isWild(leaf)) {
                total = Double.isNaN(total) ? expectedTotal(tail) : total;
                scores.score()[leaf] = (float) (2 * total + 1 + log2(Math.max(LEAST_SHARE, takenOver(leaf, total))));
            }
        }
    }

    /** Binary logarithm of the sum of all weights as the summaries have it. */
    private double expectedTotal(PartialRows tail) {
        double top = top(tail);
        double sum = tail.sum(0) > 0 ? tail.sum(0) * Math.pow(2, tail.reference(0) - top) : 0;
        for (int leaf = 0; leaf < count; leaf++) {
            sum += power(scores.mass()[leaf] - top);
        }
        return top + log2(sum);
    }

    /** The largest exponent of any leaf and of the keys that are always read. */
    double top(PartialRows tail) {
        double top = tail.sum(0) > 0 ? tail.reference(0) : Double.NEGATIVE_INFINITY;
        for (int leaf = 0; leaf < count; leaf++) {
            top = Math.max(top, scores.mass()[leaf]);
        }
        return top;
    }

    /** Chooses the leaves to read, those with the largest scores. */
    void choose(int wanted) {
        float threshold = scores.threshold(wanted);
        readCount = 0;
        float[] score = scores.score();
        for (int leaf = 0; leaf < count && wanted > 0; leaf++) {
            if (score[leaf] > threshold) {
                read[readCount++] = leaf;
            }
        }
        int above = readCount;
        for (int leaf = 0; leaf < count && readCount < wanted; leaf++) {
            if (score[leaf] == threshold && threshold > Float.NEGATIVE_INFINITY) {
                read[readCount++] = leaf;
            }
        }
        if (readCount > above) {
            Arrays.sort(read, 0, readCount);
        }
    }

    DecodeCall call() {
        return call;
    }

    int unit() {
        return unit;
    }

    int row() {
        return row;
    }

    List<Region> regions() {
        return regions;
    }

    LeafScores scores() {
        return scores;
    }

    /** The query, not scaled. */
    float[] query() {
        return query;
    }

    /** Number of leaves, padding included. */
    int count() {
        return count;
    }

    /** Number of leaves that are read. */
    int readCount() {
        return readCount;
    }

    /** The i-th leaf that is read, in ascending order. */
    int read(int i) {
        return read[i];
    }

    /** How many of the leaves that are read come before a leaf. */
    int readBefore(int leaf) {
        int at = Arrays.binarySearch(read, 0, readCount, leaf);
        return at < 0 ? -at - 1 : at;
    }

    /** Index of a region's first leaf. */
    int firstLeaf(int region) {
        return firstLeaf[region];
    }

    /** The variance of the logits of a region's leaf whose spread is 1. */
    double unitVariance(int region) {
        return variances[region];
    }

    /** The largest mean squared distance of a value from the mean of all. */
    double valueSpread() {
        return valueSpread;
    }

    /** Number of the region that has a leaf. */
    int region(int leaf) {
        int r = 0;
        while (firstLeaf[r + 1] <= leaf) {
            r++;
        }
        return r;
    }

    /** Address of the mean value of a leaf. */
    long meanValue(int leaf) {
        int r = region(leaf);
        return regions.get(r).meanValue(unit, leaf - firstLeaf[r]);
    }

    /** The spread of a leaf. */
    double spread(int leaf) {
        int r = region(leaf);
        return Memory.getFloat(regions.get(r).spreads(unit) + (leaf - firstLeaf[r]) * 4L);
    }

    private double variance(int leaf) {
        return spread(leaf) * variances[region(leaf)];
    }

    /** The variance that the logits of a leaf would have if all keys lay as far from their mean as the furthest. */
    private double furthest(int leaf) {
        int r = region(leaf);
        return Memory.getFloat(regions.get(r).largest(unit) + (leaf - firstLeaf[r]) * 4L) * variances[r];
    }

    /** Whether a leaf's logits vary so much that its largest key decides. */
    boolean isWild(int leaf) {
        double variance = variance(leaf);
        return variance > LeafScores.NORMAL_VARIANCE || ranked && sticksOut(furthest(leaf), variance);
    }

    private static boolean sticksOut(double furthest, double variance) {
        return furthest > LeafScores.NORMAL_VARIANCE && furthest > OUTLIER * variance;
    }

    /** The part of the output, squared, that a wild leaf is expected to take over. */
    double takenOver(int leaf, double total) {
        return scores.takenOver(leaf, variance(leaf), ranked ? furthest(leaf) : 0, total);
    }

    /** Puts the keys of a leaf into a tile. */
    void put(DecodeTile tile, int leaf) {
        int r = region(leaf);
        int group = regions.get(r).first() / GROUP + leaf - firstLeaf[r];
        tile.put(call.store().keys(unit, group), call.store().values(unit, group), call.store().scales(unit, group),
                group * GROUP);
    }

    /** 2 to an exponent, or 0 where that is next to nothing. */
    static double power(double exponent) {
        return exponent > LEAST_EXPONENT ? Math.pow(2, exponent) : 0;
    }

    static double log2(double x) {
        return Math.log(x) / Math.log(2);
    }
}
