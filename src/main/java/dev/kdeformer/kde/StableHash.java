package dev.kdeformer.kde;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.sampling.CounterRandom;

/**
 * Hash functions for Euclidean distance: k cells of a random projection each, floor((⟨a, y⟩ + b) / w) with a Gaussian
 * and b uniform in [0, w) (Datar, Immorlica, Indyk and Mirrokni, "Locality-sensitive hashing scheme based on p-stable
 * distributions", 2004). Two points at a distance c share a code with a probability that only depends on c / w.
 */
final class StableHash {
    private static final int CELLS = 4096;

    private final int functions;
    private final double width;
    private final int stride;
    private final float[] directions;
    private final double[] offsets;
    private final double reach;
    private final double[] logs = new double[CELLS + 2];

    /**
     * Draws hash functions.
     *
     * @param count     how many
     * @param functions cells that make up a code
     * @param width     width of a cell
     * @param reach     distance up to which probabilities are tabulated
     */
    StableHash(CounterRandom random, int count, int functions, double width, int features, double reach) {
        this.functions = functions;
        this.width = width;
        this.stride = Lanes.padColumns(features);
        this.directions = new float[Math.multiplyExact(count * functions, stride)];
        this.offsets = new double[count * functions];
        CounterRandom gaussian = random.stream(0);
        CounterRandom uniform = random.stream(1);
        for (int f = 0; f < offsets.length; f++) {
            offsets[f] = width * uniform.uniform(f);
            for (int c = 0; c < features; c++) {
                directions[f * stride + c] = (float) gaussian.gaussian((long) f * features + c);
            }
        }
        this.reach = reach;
        for (int i = 0; i < logs.length; i++) {
            logs[i] = functions * Math.log(collision(i * reach / CELLS / width));
        }
    }

    /** Cells of a code, each of the cost of one projection. */
    int functions() {
        return functions;
    }

    /** The code of a row under one of the hash functions; the row is padded like points. */
    long code(int which, float[] row) {
        long code = 0;
        for (int f = which * functions; f < (which + 1) * functions; f++) {
            long cell = (long) Math.floor((Lanes.dot(row, 0, directions, f * stride, stride) + offsets[f]) / width);
            // A bijection of the cell, then of the sum: different cells give the same code by chance alone.
            code = (code ^ cell * 0x9E3779B97F4A7C15L) * 0xD6E8FEB86659FD93L;
            code ^= code >>> 32;
        }
        return code;
    }

    /** Logarithm of the probability that two points at a distance share a code. */
    double logCollision(double distance) {
        double at = distance / reach * CELLS;
        if (at >= CELLS) {
            return functions * Math.log(collision(distance / width));
        }
        int cell = (int) at;
        return logs[cell] + (at - cell) * (logs[cell + 1] - logs[cell]);
    }

    /** The probability for one projection, of a distance in units of the width. */
    static double collision(double distance) {
        if (distance < 1e-9) {
            return 1;
        }
        double r = 1 / distance;
        return erf(r / Math.sqrt(2)) + Math.sqrt(2 / Math.PI) * Math.expm1(-0.5 * r * r) / r;
    }

    /** The error function of a number that is not negative, by its series of positive terms. */
    private static double erf(double x) {
        if (x > 6) {
            return 1;
        }
        double term = 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * x;
        double sum = 0;
        for (int i = 1; term > 1e-18 * sum; i++) {
            sum += term;
            term *= 2 * x * x / (2 * i + 1);
        }
        return sum;
    }
}
