package dev.kdeformer.pilot.gradient;

import dev.kdeformer.pilot.causal.CausalWalk;
import dev.kdeformer.pilot.causal.SpanVisitor;
import dev.kdeformer.pilot.gradient.WalkRecord.Leaf;
import dev.kdeformer.pilot.gradient.WalkRecord.Step;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.FoldedKeys;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** What the spans of one query head decided, written down tile by tile. */
final class SpanRecord implements SpanVisitor {
    private final CausalWalk walk;
    private final KeyGroups keys;
    private final int[] firstExact;
    private final List<Leaf> leaves = new ArrayList<>();

    SpanRecord(CausalWalk walk) {
        this.walk = walk;
        this.keys = walk.keys();
        this.firstExact = walk.firstExact();
    }

    /** All queries, those without approximated keys too; of use after the visit. */
    List<Leaf> leaves() {
        int d = keys.keys().columns();
        int dv = keys.values().columns();
        int[] rows = IntStream.range(0, firstExact.length).filter(row -> firstExact[row] == 0).toArray();
        List<Leaf> all = new ArrayList<>(leaves);
        all.add(new Leaf(rows, new int[0], List.of(new Step(new double[d], new double[dv], new int[0])),
                new double[keys.groups()][d], new double[d], new double[d][dv], exact(rows)));
        return all;
    }

    @Override
    public void tile(float[] centre, int[] rows, int[] near, FarField far, FoldedKeys folded) {
        int d = keys.keys().columns();
        int dv = keys.values().columns();
        Step step = new Step(WalkRecord.doubles(centre, 0, d), new double[dv],
                Arrays.copyOf(folded.index(), folded.count()));
        leaves.add(new Leaf(rows, near, List.of(step), WalkRecord.moments(far, keys),
                WalkRecord.doubles(far.meanVariances(), 0, d), WalkRecord.tilt(far, keys), exact(rows)));
    }

    private int[][] exact(int[] rows) {
        return Arrays.stream(rows).mapToObj(row -> new int[] {firstExact[row], walk.last(row) + 1})
                .toArray(int[][]::new);
    }
}
