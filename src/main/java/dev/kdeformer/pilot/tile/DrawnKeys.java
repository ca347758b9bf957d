package dev.kdeformer.pilot.tile;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.kernel.Lanes;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * A few of many weighted keys that stand for all of them: those of at least the mean weight of a drawn key as they are,
 * and of the lighter ones every key where their running sum of weights passes the next of equally spaced places, each
 * with the distance of the places as its weight. Keys that are in group order are thus drawn from all groups alike.
 * Nothing about it is random.
 */
public final class DrawnKeys {
    /** Keys that a node draws for each of its queries, at most: more cost more than the rest of their noise. */
    private static final int PER_QUERY = 2;

    private int[] index = new int[0];
    private float[] weights = new float[0];
    private int count;

    /**
     * How many keys some queries draw.
     *
     * @param most as many as they draw at most
     */
    public static int wanted(int most, double queries) {
        return (int) Math.min(most, PER_QUERY * queries);
    }

    /**
     * Draws from the keys of positive weight.
     *
     * @param keyWeights weights of the keys, in an array with room for whole vectors
     * @param positive   how many of them are positive
     * @param wanted     most keys to draw, at least 1
     */
    public void draw(int[] keys, float[] keyWeights, int keyCount, int positive, int wanted) {
        room(Math.min(positive, wanted));
        count = 0;
        if (positive <= wanted) {
            for (int j = 0; j < keyCount; j++) {
                if (keyWeights[j] > 0) {
                    add(keys[j], keyWeights[j]);
                }
            }
            return;
        }
        Arrays.fill(keyWeights, keyCount, Lanes.roundUp(keyCount, LANES), 0);
        // The largest weight below the mean.
        float light = Math.nextDown(sumUpTo(keyWeights, keyCount, Float.MAX_VALUE) / wanted);
        int certain = ScoreKernel.above(keyWeights, keyCount, light);
        double step = (double) sumUpTo(keyWeights, keyCount, light) / Math.max(1, wanted - certain);
        double ahead = step / 2;
        for (int j = 0; j < keyCount && count < wanted; j++) {
            float w = keyWeights[j];
            if (w > light) {
                add(keys[j], w);
                continue;
            }
            int times = 0;
            for (ahead -= w; ahead < 0; ahead += step) {
                times++;
            }
            if (times > 0) {
                add(keys[j], (float) (times * step));
            }
        }
    }

    private void room(int keys) {
        if (index.length < keys) {
            index = new int[keys];
            weights = new float[keys];
        }
    }

    private void add(int key, float weight) {
        index[count] = key;
        weights[count++] = weight;
    }

    private static float sumUpTo(float[] x, int count, float limit) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int i = 0; i < count; i += LANES) {
            FloatVector v = FloatVector.fromArray(FLOATS, x, i);
            sum = sum.add(v.blend(0, v.compare(VectorOperators.GT, limit)));
        }
        return Lanes.sum(sum);
    }

    /** Number of different keys that were drawn. */
    public int count() {
        return count;
    }

    int key(int i) {
        return index[i];
    }

    float weight(int i) {
        return weights[i];
    }
}
