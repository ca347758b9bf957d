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

    LeafAttention(PilotHead head, Pass pass, FarCorrection correction, Scratch scratch) {
        this.head = head;
        this.pass = pass;
        this.keys = head.keys();
        this.attention = new TileAttention(keys, head.mostLeafCandidates(pass.effort()), head.tilts(), scratch);
        this.correction = correction;
    }

    /** Computes the output of a leaf's queries, and adds to its work. */
    void attend(WalkNode node, float[] centre) {
        FarField far = node.far;
        int d = keys.keys().columns();
        int dv = keys.values().columns();
        boolean hasFar = !far.isEmpty();
        int size = node.to - node.from;
        double each = 2.0 * (d + dv) * (node.count + (hasFar ? keys.groups() : 0)) + 2.0 * d * dv;
        node.work += size * each;
        attention.prepare(node.chosen, node.count, far);
        if (pass.rows() != null) {
            int[] rows = pass.rows(node.from, node.to);
            attention.attend(head.queries(), rows, head.order(), hasFar ? centre : null, head::finish);
            node.spared += Math.rint(each * (size - rows.length));
            return;
        }
        float[] variances = pass.doubts() == null ? null : far.meanVariances();
        for (int first = node.from; first < node.to; first += QueryTile.ROWS) {
            int rows = Math.min(QueryTile.ROWS, node.to - first);
            attention.begin(head.queries(), null, first, rows);
            if (hasFar) {
                attention.addFar(centre);
            }
            if (pass.doubts() != null) {
                attention.noteFar(hasFar);
            }
            attention.addNear();
            if (pass.doubts() != null) {
                for (int r = 0; r < rows; r++) {
                    pass.doubts().note(first + r, attention.doubt(r, variances, 0));
                }
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
        if (correction != null) {
            node.work += size * (2.0 * (d + dv) * correction.count()
                    + (hasFar ? keys.groups() * (6.0 * d + 4.0 * dv) + 2.0 * d * dv : 0));
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
}
