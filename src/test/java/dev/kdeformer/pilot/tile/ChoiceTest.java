package dev.kdeformer.pilot.tile;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.kernel.Lanes;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ChoiceTest {
    /** Scores of heavy tails: a few are thousands above most, which have to be told apart all the same. */
    @Test
    void scoresFarBelowTheBestAreToldApart() {
        int count = 3000;
        SplittableRandom random = new SplittableRandom(1);
        for (double width : new double[] {3, 40, 500, 10_000}) {
            NodeScratch node = new NodeScratch();
            node.room(count);
            int[] index = new int[Lanes.roundUp(count, Lanes.LANES)];
            for (int j = 0; j < count; j++) {
                index[j] = j;
                node.scores[j] = (float) (width * Math.log(random.nextDouble()));
            }
            float[] sorted = Arrays.copyOf(node.scores, count);
            Arrays.sort(sorted);
            int wanted = 640;
            Choice choice = new Choice();
            choice.prepare(node.scores, count, sorted[count - 1], wanted, wanted);
            int[] chosen = new int[count + 64];
            int taken = choice.split(node, index, count, chosen, 0);
            assertTrue(taken <= wanted && taken >= wanted - wanted / 32, taken + " taken");
            // Nothing that is clearly below the limit.
            float limit = sorted[count - wanted - wanted / 16];
            for (int i = 0; i < taken; i++) {
                assertTrue(node.scores[chosen[i]] >= limit, node.scores[chosen[i]] + " against " + limit);
            }
        }
    }
}
