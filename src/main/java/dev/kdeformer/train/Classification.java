package dev.kdeformer.train;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * A classifier trained on a task for a fixed number of steps and judged on examples of its own.
 *
 * @param accuracy    part of the examples whose class was found
 * @param guess       part of the examples that are of the commonest class, which needs no model
 * @param judged      examples judged
 * @param loss        mean loss of these examples, in nats
 * @param stepMs      time of a step, mean over the second half of the steps
 * @param attentionMs the part of it that attention and its gradients take
 */
public record Classification(double accuracy, double guess, int judged, double loss, double stepMs,
        double attentionMs) {
    private static final int LAYERS = 2;
    private static final int WIDTH = 128;
    private static final int HEADS = 4;
    private static final int HEAD_FEATURES = 32;
    private static final int HIDDEN = 256;
    private static final double ROTARY_BASE = 10_000;
    private static final double RATE = 1e-3;
    private static final long JUDGED = 1L << 40;

    /**
     * How much is trained and judged.
     *
     * @param steps     steps
     * @param sequences examples of a step
     * @param judged    examples to judge on
     * @param seed      seed of weights and examples
     */
    public record Effort(int steps, int sequences, int judged, long seed) {
    }

    /** The encoder for a task. */
    public static ModelShape shape(ArenaTask task) {
        int multiple = MatrixProduct.COLUMN_MULTIPLE;
        return new ModelShape(LAYERS, WIDTH, new ModelShape.Heads(HEADS, HEADS, HEAD_FEATURES, ROTARY_BASE), HIDDEN,
                Math.ceilDiv(task.vocabulary(), multiple) * multiple,
                Math.ceilDiv(task.classes(), multiple) * multiple);
    }

    /**
     * Trains and judges.
     *
     * @param step is told the number of every step before it is made
     * @throws ArithmeticException if gradients are not finite
     */
    public static Classification run(Engine engine, ArenaTask task, AttentionMethod method, Effort effort,
            IntConsumer step) {
        try (Transformer model = new Transformer(shape(task), engine, Integer.MAX_VALUE)) {
            model.initialise(effort.seed);
            ModelAttention attention = ModelAttention.same(engine, method, LAYERS);
            AdamW optimiser = new AdamW(model.parameters().all());
            Schedule schedule = new Schedule(RATE, Math.max(1, effort.steps / 10), effort.steps / 4, effort.steps);
            long start = System.nanoTime();
            long attentionStart = 0;
            int half = effort.steps / 2;
            for (int i = 0; i < effort.steps; i++) {
                step.accept(i);
                if (i == half) {
                    start = System.nanoTime();
                    attentionStart = attention.forwardNanos() + attention.backwardNanos();
                }
                Batch batch = task.batch(effort.seed, (long) i * effort.sequences, effort.sequences);
                model.parameters().clearGradients();
                model.addGradients(batch, attention);
                if (!Double.isFinite(optimiser.step(model.team(), schedule.rate(i)))) {
                    throw new ArithmeticException("the gradients of step " + (i + 1) + " are not finite");
                }
                model.pack();
            }
            double steps = 1e6 * Math.max(1, effort.steps - half);
            double stepMs = (System.nanoTime() - start) / steps;
            double attentionMs = (attention.forwardNanos() + attention.backwardNanos() - attentionStart) / steps;
            double loss = 0;
            int right = 0;
            int judged = 0;
            int[] classes = new int[task.classes()];
            while (judged < effort.judged) {
                Batch batch = task.batch(effort.seed, JUDGED + judged, effort.sequences);
                loss += model.loss(batch, attention);
                right += model.correct();
                judged += batch.sequences();
                for (int target : batch.targets()) {
                    classes[target]++;
                }
            }
            double guess = (double) Arrays.stream(classes).max().orElseThrow() / judged;
            return new Classification((double) right / judged, guess, judged, loss / judged, stepMs, attentionMs);
        }
    }
}
