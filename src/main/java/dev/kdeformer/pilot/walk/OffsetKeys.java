package dev.kdeformer.pilot.walk;

import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitKernel;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.ScoreKernel;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import java.util.Arrays;

/**
 * Distances Δ at which query i puts much of its weight on key i + Δ: the token itself in word vectors, the token before
 * in many heads of language models. No tile of similar queries shares such a key, so a spread measured over the tile
 * cannot see it; keys at a found distance are evaluated exactly for their queries at every level.
 */
final class OffsetKeys {
    private static final int REACH = HeadPlan.REACH;
    private static final int PROBES = 66;
    private static final int SAMPLE = 512;

    /** Probes in whole register tiles. */
    private static final int ROWS = Lanes.roundUp(PROBES, 2 * LogitKernel.ROWS);

    /** Logarithms are cut here, so that their exponential stays finite. */
    private static final float LARGEST = 80;

    /** The part of Σ p² that a distance must hold on average. */
    private static final double SHARE = 0.1;

    private OffsetKeys() {
    }

    /**
     * Looks at evenly spaced queries, the keys near them in position, and a sample of all keys for the rest of Σ p².
     *
     * @param queries  times the scale, in the caller's order
     * @param keyAtRow the centred key of a caller's row, or −1
     */
    static int[] find(Rows queries, KeyGroups keys, int[] keyAtRow, Scratch scratch) {
        int n = queries.count();
        int d = queries.columns();
        int m = keys.count();
        int probes = Math.min(PROBES, n);
        int sample = Math.min(SAMPLE, m);
        long mark = scratch.mark();
        long panels = scratch.floats((long) (sample + PANEL) * d);
        long zeros = scratch.floats(PANEL);
        Memory.fillFloats(zeros, PANEL, 0);
        int[] picked = new int[sample];
        Arrays.setAll(picked, j -> (int) ((long) j * m / sample));
        Packer packer = new Packer();
        float[] left = new float[ROWS * STRIDE];
        float[] logits = new float[ROWS * STRIDE];
        double[] rest = new double[probes];
        double[] tops = new double[probes];
        double[][] near = new double[probes][2 * REACH + 1];
        float[] doubled = new float[PANEL];
        float[] sum = new float[LANES];
        // Beyond the sample, so low that it adds nothing.
        float[] biases = new float[sample + PANEL];
        Arrays.fill(biases, FarField.EMPTY);
        for (int j = 0; j < sample; j++) {
            biases[j] = keys.biases()[picked[j]];
        }
        for (int p = 0; p < probes; p++) {
            int row = (int) ((long) p * n / probes);
            queries.read(row, left, p * STRIDE);
            tops[p] = Double.NEGATIVE_INFINITY;
            for (int o = -REACH; o <= REACH; o++) {
                int at = row + o;
                int its = at < 0 || at >= keyAtRow.length ? -1 : keyAtRow[at];
                near[p][o + REACH] = Double.NEGATIVE_INFINITY;
                if (its >= 0) {
                    double logit = keys.biases()[its] + (double) Lanes.dot(keys.keys().row(its), left, p * STRIDE,
                            keys.keys().stride());
                    near[p][o + REACH] = logit;
                    tops[p] = Math.max(tops[p], logit);
                }
            }
        }
        for (int first = 0; first < sample; first += PANEL) {
            int present = Math.min(PANEL, sample - first);
            packer.pickPanel(picked, first, present, keys.keys().address(), keys.keys().stride(), d, panels);
            LogitKernel.logits(left, probes, d, panels, zeros, logits, 0);
            for (int p = 0; p < probes; p++) {
                for (int j = 0; j < PANEL; j++) {
                    float l = logits[p * STRIDE + j] + biases[first + j];
                    doubled[j] = Math.min(LARGEST, 2 * (float) (l - tops[p]));
                }
                rest[p] += ScoreKernel.weights(doubled, PANEL, 0, doubled, sum);
            }
        }
        scratch.release(mark);
        double[] share = new double[2 * REACH + 1];
        for (int p = 0; p < probes; p++) {
            double whole = rest[p] * m / sample;
            for (double l : near[p]) {
                whole += Math.exp(2 * (l - tops[p]));
            }
            for (int o = 0; o < share.length; o++) {
                share[o] += whole > 0 ? Math.exp(2 * (near[p][o] - tops[p])) / whole / probes : 0;
            }
        }
        int[] offsets = new int[share.length];
        int count = 0;
        for (int o = 0; o < share.length; o++) {
            if (share[o] > SHARE) {
                offsets[count++] = o - REACH;
            }
        }
        return Arrays.copyOf(offsets, count);
    }
}
