package dev.kdeformer.pilot.walk;

import static dev.kdeformer.pilot.keys.RandomKeys.GROUPS;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.kdeformer.pilot.keys.Candidates;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.RandomKeys;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.Fold;
import dev.kdeformer.pilot.tile.NodeScratch;
import dev.kdeformer.runtime.Scratch;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TiltKernelTest {
    private final Scratch scratch = new Scratch();
    private final SplittableRandom random = new SplittableRandom(1);
    private KeyGroups keys;
    private int d;
    private int dv;

    @AfterEach
    void close() {
        scratch.close();
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "7, 3, 5", "97, 16, 16", "300, 33, 40", "601, 100, 17", "260, 256, 33"})
    void joinedFoldsHaveTheProductsOfAllTheirKeys(int count, int features, int valueFeatures) {
        d = features;
        dv = valueFeatures;
        keys = new RandomKeys(scratch, random).keys(count, d, dv);
        float[] logits = new float[count];
        for (int j = 0; j < count; j++) {
            logits[j] = (float) (2 * random.nextGaussian());
        }
        FarField far = new FarField(GROUPS, d, keys.keys().stride(), keys.values().stride(), true);
        NodeScratch node = new NodeScratch();
        // Keys of each of two folds, with different references; the second one leaves out the last group.
        join(far, node, IntStream.range(0, count).filter(j -> j % 3 == 0).toArray(), logits, 1);
        join(far, node, IntStream.range(0, keys.starts()[GROUPS - 1]).filter(j -> j % 3 == 1).toArray(), logits, -2);
        int[] all = IntStream.range(0, count).filter(j -> j % 3 == 0 || j % 3 == 1 && j < keys.starts()[GROUPS - 1])
                .toArray();
        double[] expected = plain(all, logits);
        double size = 1e-30 + Arrays.stream(expected).map(Math::abs).max().orElseThrow();
        for (int c = 0; c < d; c++) {
            for (int v = 0; v < dv; v++) {
                assertEquals(expected[c * dv + v], far.tilt()[c * keys.values().stride() + v], 1e-4 * size + 1e-6);
            }
        }
    }

    private void join(FarField far, NodeScratch node, int[] folded, float[] logits, float top) {
        Candidates list = Candidates.all(keys);
        node.room(list.count);
        Arrays.fill(node.folded, 0);
        for (int j : folded) {
            node.folded[j] = (float) Math.exp(logits[j] - top);
        }
        Fold fold = new Fold(GROUPS, keys.keys().stride(), keys.values().stride());
        WalkNode folding = new WalkNode(node, fold, far, keys.keys().stride());
        folding.top = top;
        SiblingFold siblings = new SiblingFold();
        siblings.begin();
        siblings.add(folding);
        siblings.run(keys, list);
        node.drawn.draw(list.index, node.folded, list.count, folded.length, Math.max(1, folded.length));
        far.merge(fold, node.tilt.joining(keys, node.drawn, fold, far, scratch));
    }

    /** Σ w (k − κ)(v − ν)ᵀ / Σ w, with the means of each group. */
    private double[] plain(int[] all, float[] logits) {
        double[] tilt = new double[d * dv];
        double mass = 0;
        for (int g = 0; g < GROUPS; g++) {
            int from = keys.starts()[g];
            int to = keys.starts()[g + 1];
            int[] own = Arrays.stream(all).filter(j -> j >= from && j < to).toArray();
            double whole = Arrays.stream(own).mapToDouble(j -> Math.exp(logits[j])).sum();
            for (int j : own) {
                double w = Math.exp(logits[j]);
                mass += w;
                for (int c = 0; c < d; c++) {
                    double key = keys.keys().get(j, c) - mean(own, logits, keys.keys(), c, whole);
                    for (int v = 0; v < dv; v++) {
                        tilt[c * dv + v] += w * key * keys.values().get(j, v);
                    }
                }
            }
        }
        for (int i = 0; i < tilt.length; i++) {
            tilt[i] /= mass;
        }
        return tilt;
    }

    private static double mean(int[] own, float[] logits, Rows rows, int c, double whole) {
        return Arrays.stream(own).mapToDouble(j -> Math.exp(logits[j]) * rows.get(j, c)).sum() / whole;
    }
}
