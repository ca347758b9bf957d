package dev.kdeformer.train;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.runtime.Team;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** The loss of predictions: −log softmax(logits)[target], in nats. */
final class CrossEntropy {
    private static final int ROWS = 64;

    private CrossEntropy() {
    }

    /**
     * Replaces logits by the gradient of {@code weight} times the sum of losses.
     *
     * @param targets the right column of every row, negative for a row that does not count
     * @param losses  receives the loss of every row, 0 where it does not count
     * @return the sum of losses
     */
    static double apply(Team team, float[] logits, int rows, int columns, int[] targets, float weight,
            float[] losses) {
        team.forEach(Math.ceilDiv(rows, ROWS), (task, scratch) -> {
            for (int r = task * ROWS; r < Math.min(rows, (task + 1) * ROWS); r++) {
                losses[r] = row(logits, r * columns, columns, targets[r], weight);
            }
        });
        double sum = 0;
        for (int r = 0; r < rows; r++) {
            sum += losses[r];
        }
        return sum;
    }

    private static float row(float[] logits, int at, int columns, int target, float weight) {
        FloatVector top = FloatVector.fromArray(FLOATS, logits, at);
        for (int c = LANES; c < columns; c += LANES) {
            top = top.max(FloatVector.fromArray(FLOATS, logits, at + c));
        }
        float max = top.reduceLanes(VectorOperators.MAX);
        float right = target < 0 ? 0 : logits[at + target];
        FloatVector sums = FloatVector.zero(FLOATS);
        for (int c = 0; c < columns; c += LANES) {
            FloatVector e = Exponential.of(FloatVector.fromArray(FLOATS, logits, at + c).sub(max));
            e.intoArray(logits, at + c);
            sums = sums.add(e);
        }
        float sum = Lanes.sum(sums);
        float factor = target < 0 ? 0 : weight / sum;
        for (int c = 0; c < columns; c += LANES) {
            FloatVector.fromArray(FLOATS, logits, at + c).mul(factor).intoArray(logits, at + c);
        }
        if (target < 0) {
            return 0;
        }
        logits[at + target] -= weight;
        return (float) (Math.log(sum) + max - right);
    }
}
