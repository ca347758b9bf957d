package dev.kdeformer.pilot.walk;

import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;

/**
 * Draws keys for a leaf from all that it and its ancestors left out, by probabilities that are positive for each: to
 * one part by how much the weight of a key moves over the queries of the node that left it out, as seen from the leaf,
 * and to the other part alike. The S draws come one from each of S strata of equal probability, so that keys of a group
 * and node, which are neighbours, get their share of draws.
 *
 * <p>Where no more than S keys are left out, each is taken once and for certain.
 */
final class FarDraw {
    /**
     * The part of the draws that takes all keys alike, so that no weight exceeds keys / (S · this): for the similar
     * queries of a tile.
     */
    static final double ALIKE = 0.125;

    private final KeyGroups all;
    private final PilotHead head;
    private final LeftOut[] layers;
    private final float[][] lifts;
    private final int[] keys;
    private final int[] layerOf;
    private final int[] groupOf;
    private final int[] entryOf;
    private final double[] weights;
    /** What turns a sampling weight of a layer and group into a probability before the part of all alike. */
    private final double[] scales;
    private int count;
    private double left;
    private double byWeight;

    FarDraw(PilotHead head, LeftOut[] layers) {
        this.all = head.keys();
        this.head = head;
        this.layers = layers;
        this.lifts = new float[layers.length][all.groups()];
        this.keys = new int[head.samples()];
        this.layerOf = new int[head.samples()];
        this.groupOf = new int[head.samples()];
        this.entryOf = new int[head.samples()];
        this.weights = new double[head.samples()];
        this.scales = new double[layers.length * all.groups()];
    }

    /** Number of drawn keys; one that was drawn from neighbouring strata counts once. */
    int count() {
        return count;
    }

    /** The drawn keys. */
    int[] keys() {
        return keys;
    }

    int key(int s) {
        return keys[s];
    }

    /** The depth of the node that left a drawn key out. */
    int layer(int s) {
        return layerOf[s];
    }

    int group(int s) {
        return groupOf[s];
    }

    /** Where the key is among those that its node left out. */
    int entry(int s) {
        return entryOf[s];
    }

    /** Draws of the key over S times its probability. */
    double weight(int s) {
        return weights[s];
    }

    /** exp(top − logMass) of a node's weights as the leaf sees them: its part of a group of that log-mass. */
    double lifted(int layer, int group, float logMass) {
        return Math.exp((double) layers[layer].top + lifts[layer][group] - logMass);
    }

    /**
     * Draws for a leaf.
     *
     * @param depth of the leaf; the layers down to it are its path
     * @param from  the leaf's first position
     */
    void draw(int depth, int from) {
        lift(depth);
        count = 0;
        left = 0;
        for (int a = 0; a <= depth; a++) {
            left += layers[a].count;
        }
        if (left <= keys.length) {
            for (int a = 0; a <= depth; a++) {
                for (int g = 0; g < all.groups(); g++) {
                    for (int i = layers[a].starts[g]; i < layers[a].starts[g + 1]; i++) {
                        add(a, g, i, 1);
                    }
                }
            }
            return;
        }
        prepare(depth);
        CounterRandom random = head.random(from);
        int samples = keys.length;
        int a = 0;
        int g = 0;
        double passed = 0;
        for (int s = 0; s < samples; s++) {
            double place = (s + random.uniform(s)) / samples;
            if (place >= byWeight) {
                alike((place - byWeight) / (1 - byWeight));
                continue;
            }
            double next = passed + segment(a, g);
            while (place >= next && (a < depth || g + 1 < all.groups())) {
                passed = next;
                if (++g == all.groups()) {
                    g = 0;
                    a++;
                }
                next = passed + segment(a, g);
            }
            LeftOut layer = layers[a];
            int low = layer.starts[g];
            int high = layer.starts[g + 1];
            if (low == high) {
                // Rounding has led past the last group that has keys.
                alike(random.uniform(samples + (long) s));
                continue;
            }
            double within = layer.cumulated[low] + (place - passed) / scale(a, g);
            int at = Arrays.binarySearch(layer.cumulated, low, high, within);
            at = at >= 0 ? at : Math.max(low, -at - 2);
            add(a, g, at, 1 / (samples * probability(a, g, at)));
        }
    }

    /** Draws among all keys that were left out. */
    private void alike(double place) {
        int at = (int) Math.min(left - 1, place * left);
        int a = 0;
        while (at >= layers[a].count) {
            at -= layers[a++].count;
        }
        int g = 0;
        while (at >= layers[a].starts[g + 1]) {
            g++;
        }
        add(a, g, at, 1 / (keys.length * probability(a, g, at)));
    }

    private void add(int layer, int group, int entry, double weight) {
        int key = layers[layer].index[entry];
        if (count > 0 && keys[count - 1] == key) {
            weights[count - 1] += weight;
            return;
        }
        keys[count] = key;
        layerOf[count] = layer;
        groupOf[count] = group;
        entryOf[count] = entry;
        weights[count++] = weight;
    }

    private double probability(int a, int g, int entry) {
        return layers[a].density(entry) * scale(a, g) + (1 - byWeight) / left;
    }

    /** The probability of drawing a key of a layer and group by weight. */
    private double segment(int a, int g) {
        LeftOut layer = layers[a];
        return layer.count == 0 ? 0
                : (layer.cumulated[layer.starts[g + 1]] - layer.cumulated[layer.starts[g]]) * scale(a, g);
    }

    private double scale(int a, int g) {
        return scales[a * all.groups() + g];
    }

    private void lift(int depth) {
        Arrays.fill(lifts[depth], 0);
        for (int a = depth; a >= 0; a--) {
            for (int g = 0; a > 0 && g < all.groups(); g++) {
                lifts[a - 1][g] = lifts[a][g] + layers[a].moved(g);
            }
        }
    }

    private void prepare(int depth) {
        double reference = Double.NEGATIVE_INFINITY;
        for (int a = 0; a <= depth; a++) {
            for (int g = 0; g < all.groups(); g++) {
                if (layers[a].starts[g + 1] > layers[a].starts[g]) {
                    reference = Math.max(reference, (double) layers[a].top + lifts[a][g]);
                }
            }
        }
        double sum = 0;
        for (int a = 0; a <= depth; a++) {
            for (int g = 0; g < all.groups(); g++) {
                scales[a * all.groups() + g] = layers[a].starts[g + 1] > layers[a].starts[g]
                        ? Math.exp((double) layers[a].top + lifts[a][g] - reference) : 0;
                sum += segment(a, g);
            }
        }
        byWeight = sum > 0 ? 1 - head.alike() : 0;
        for (int i = 0; i < (depth + 1) * all.groups(); i++) {
            scales[i] *= sum > 0 ? byWeight / sum : 0;
        }
    }
}
