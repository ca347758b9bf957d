package dev.kdeformer.pilot.gradient;

import dev.kdeformer.pilot.keys.Candidates;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.Fold;
import dev.kdeformer.pilot.tile.NodeScratch;
import dev.kdeformer.pilot.walk.NodeVisitor;
import dev.kdeformer.pilot.walk.PilotHead;
import dev.kdeformer.pilot.walk.PilotWalk;
import java.util.Arrays;

/**
 * The gradients of a share of the tree: of its leaves, and on the way up of the keys that their ancestors have folded.
 */
final class TreeGradient implements NodeVisitor {
    private final PilotHead head;
    private final LeafGradient leaves;
    private final LeafGradient.Targets targets;
    private final FarGradient[] fars;
    private final float[] centroid;

    TreeGradient(PilotHead head, LeafGradient leaves, LeafGradient.Targets targets) {
        this.head = head;
        this.leaves = leaves;
        this.targets = targets;
        this.fars = new FarGradient[head.levels() / PilotWalk.LEVELS + 2];
        Arrays.setAll(fars, depth -> new FarGradient(head.keys()));
        this.centroid = new float[head.keys().keys().stride()];
    }

    @Override
    public void enter(int depth, float[] centre, FarField far) {
        fars[depth].enter(centre);
        System.arraycopy(centre, 0, centroid, 0, centroid.length);
    }

    @Override
    public void fold(int depth, FarField far, Fold fold, Candidates list, NodeScratch node) {
        fars[depth].fold(far, fold, list, node);
    }

    @Override
    public void leave(int depth, FarField far) {
        fars[depth].leave(far, targets.dKey(), targets.dValue(), depth > 0 ? fars[depth - 1] : null);
    }

    @Override
    public void leaf(int depth, int from, int to, int[] chosen, int count, FarField far) {
        LeafGradient.Queries queries = new LeafGradient.Queries(head.order(), head.orderAddress(), from, to, true);
        leaves.add(centroid, queries, chosen, count, far, fars[depth]);
    }
}
