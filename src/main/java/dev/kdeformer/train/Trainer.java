package dev.kdeformer.train;

import dev.kdeformer.Engine;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;

/** A decoder in training: model, optimiser, and how far they are. For one thread, which the engine's threads help. */
public final class Trainer implements AutoCloseable {
    private final TrainingPlan plan;
    private final Transformer model;
    private final AdamW optimiser;
    private long bytes;

    /**
     * What a step did.
     *
     * @param step        its number, from 1 on
     * @param bytes       bytes seen after it
     * @param length      bytes of its sequences
     * @param bitsPerByte loss before the step, on bytes that the model had not been trained on
     * @param rate        learning rate
     * @param norm        norm of the gradients before clipping
     */
    public record Step(long step, long bytes, int length, double bitsPerByte, double rate, double norm) {
    }

    private Trainer(TrainingPlan plan, Transformer model) {
        this.plan = Objects.requireNonNull(plan, "plan");
        this.model = model;
        this.optimiser = new AdamW(model.parameters().all());
    }

    /** A trainer of a new model. */
    public static Trainer start(ModelShape shape, TrainingPlan plan, Engine engine, int recomputeAbove) {
        Trainer trainer = new Trainer(plan, new Transformer(shape, engine, recomputeAbove));
        trainer.model.initialise(plan.seed());
        return trainer;
    }

    /**
     * A trainer that goes on where a checkpoint was written, with the same bits as if it had never stopped.
     *
     * @throws IOException if the file cannot be read or is no checkpoint
     */
    public static Trainer resume(Checkpoint checkpoint, TrainingPlan plan, Engine engine, int recomputeAbove)
            throws IOException {
        Trainer trainer = new Trainer(plan, new Transformer(checkpoint.shape(), engine, recomputeAbove));
        try {
            checkpoint.load(trainer.model, trainer.optimiser);
            trainer.bytes = checkpoint.bytes();
            return trainer;
        } catch (IOException | RuntimeException e) {
            trainer.close();
            throw e;
        }
    }

    /** Bytes seen. */
    public long bytes() {
        return bytes;
    }

    /** Steps done. */
    public long steps() {
        return optimiser.steps();
    }

    /** Whether the plan is fulfilled. */
    public boolean isDone() {
        return bytes >= plan.schedule().total();
    }

    /** The model. */
    public Transformer model() {
        return model;
    }

    /**
     * Trains a step.
     *
     * @throws ArithmeticException if loss or gradients are not finite; the model is as it was then
     */
    public Step step(Text text, ModelAttention attention) {
        int length = plan.length(bytes);
        double rate = plan.schedule().rate(bytes);
        Batch batch = text.draw(plan.seed(), optimiser.steps(), plan.sequences(bytes), length);
        model.parameters().clearGradients();
        double loss = model.addGradients(batch, attention) / batch.asked() / Math.log(2);
        double norm = optimiser.step(model.team(), rate);
        if (!Double.isFinite(norm)) {
            throw new ArithmeticException("the gradients of step " + (optimiser.steps() + 1)
                    + " are not finite; a lower learning rate may help");
        }
        model.pack();
        bytes += batch.rows();
        return new Step(optimiser.steps(), bytes, length, loss, rate, norm);
    }

    /**
     * Writes a checkpoint, whole or not at all.
     *
     * @throws IOException if the file cannot be written
     */
    public void save(Path file, String about) throws IOException {
        Checkpoint.write(file, model, optimiser, plan, bytes, about);
    }

    @Override
    public void close() {
        model.close();
    }
}
