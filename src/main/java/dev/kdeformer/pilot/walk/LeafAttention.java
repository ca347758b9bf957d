package dev.kdeformer.pilot.walk;

import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.TileAttention;
import dev.kdeformer.runtime.Scratch;

/** What a leaf of a walk does with its near keys and its far field, and what it notes of its queries meanwhile. */
final class LeafAttention {
    private final PilotHead head;
    private final Pass pass;
    private final KeyGroups keys;
    private final TileAttention attention;
    /** Null where the far part stays as it is. */
    private final FarCorrection correction;
    private final FarParts parts;

    /** The far parts of a tile's sums of weights, and what they are relative to. */
    private static final class FarParts {
        private final float[] sums = new float[QueryTile.ROWS];
        private final double[] references = new double[QueryTile.ROWS];
    }

    LeafAttention(PilotHead head, Pass pass, FarCorrection correction, Scratch scratch) {
        this.head = head;
        this.pass = pass;
        this.keys = head.keys();
        this.attention = new TileAttention(keys, head.mostLeafCandidates(pass.effort()), head.tilts(), scratch);
        this.correction = correction;
        this.parts = scratch.keep(FarParts.class, FarParts::new);
    }

    /** Computes the output of a leaf's queries, and adds to its work. */
    void attend(WalkNode node, float[] centre) {
        FarField far = node.far;
        int d = keys.keys().columns();
        int dv = keys.values().columns();
        boolean hasFar = !far.isEmpty();
        attention.prepare(node.chosen, node.count, far);
        float[] variances = pass.doubts() == null ? null : far.meanVariances();
        for (int first = node.from; first < node.to; first += QueryTile.ROWS) {
            int rows = Math.min(QueryTile.ROWS, node.to - first);
            attention.begin(head.queries(), null, first, rows);
            if (hasFar) {
                attention.addFar(centre);
            }
            if (pass.doubts() != null) {
                keepFarParts(rows, hasFar);
            }
            attention.addNear();
            if (pass.doubts() != null) {
                doubt(first, rows, variances);
            }
            if (correction != null && correction.count() > 0) {
                correction.apply(attention.state(), attention.queries(), hasFar ? attention.deviations() : null,
                        attention.farKeys());
            }
            if (pass.peaks() != null) {
                for (int r = 0; r < rows; r++) {
                    pass.peaks().note(first + r, peak(first + r, r));
                }
            }
            head.finish(attention.state(), first, rows);
        }
        int size = node.to - node.from;
        node.work += size * (2.0 * (d + dv) * (node.count + (hasFar ? keys.groups() : 0)) + 2.0 * d * dv);
        if (correction != null) {
            node.work += size * (2.0 * (d + dv) * correction.count()
                    + (hasFar ? keys.groups() * (6.0 * d + 4.0 * dv) + 2.0 * d * dv : 0));
        }
    }

    private void keepFarParts(int rows, boolean hasFar) {
        for (int r = 0; r < rows; r++) {
            parts.references[r] = attention.state().reference(r);
            parts.sums[r] = hasFar ? attention.state().sum(r) : 0;
        }
    }

    /** The largest p (1 − p) over the parts p of a query's weight that its keys at fixed distances hold. */
    private float peak(int position, int r) {
        float[] q = attention.queries().data();
        SoftmaxTile state = attention.state();
        double logSum = state.reference(r) * Math.log(2) + Math.log(state.sum(r));
        double peak = 0;
        for (int offset : head.offsets()) {
            int key = head.keyAt(position, offset);
            if (key >= 0) {
                float logit = Lanes.dot(keys.keys().row(key), q, r * STRIDE, keys.keys().stride()) + keys.biases()[key];
                double part = Math.min(1, Math.exp(logit - logSum));
                peak = Math.max(peak, part * (1 - part));
            }
        }
        return (float) peak;
    }

    /** Notes how much each query of the tile depends on the far field, and how far it is from where that is good. */
    private void doubt(int first, int rows, float[] variances) {
        SoftmaxTile state = attention.state();
        float[] deviations = attention.deviations().data();
        for (int r = 0; r < rows; r++) {
            double part = parts.sums[r] == 0 ? 0 : parts.sums[r] / (double) state.sum(r)
                    * Math.pow(2, parts.references[r] - state.reference(r));
            float distance = 0;
            for (int c = 0; c < keys.keys().columns() && part > 0; c++) {
                float delta = deviations[r * STRIDE + c];
                distance += delta * delta * variances[c];
            }
            pass.doubts().note(first + r, (float) (part * distance));
        }
    }
}
