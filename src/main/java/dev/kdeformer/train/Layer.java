package dev.kdeformer.train;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.InputGradients;
import dev.kdeformer.runtime.Team;
import java.lang.foreign.Arena;
import java.util.List;

/**
 * A layer of a transformer: x += attention(norm(x)), then x += MLP(norm(x)), with root-mean-square norms, rotary
 * positions, grouped-query heads and a gated MLP (Touvron et al. 2023, LLaMA, section 2.2).
 */
final class Layer {
    private final ModelShape shape;
    private final int index;
    private final Rotary rotary;
    private final Parameter firstGain;
    private final Parameter secondGain;
    private final Linear query;
    private final Linear key;
    private final Linear value;
    private final Linear output;
    private final Linear gateUp;
    private final Linear down;

    /** Memory that the layers of a model use one after the other. */
    static final class Work {
        final float[] normed;
        final float[] hidden;
        final float[] dHidden;
        final float[] dNormed;
        final float[] dAttended;
        final float[] dQuery;
        final float[] dKey;
        final float[] dValue;

        Work(ModelShape shape, int rows, boolean training) {
            int backward = training ? rows : 0;
            normed = Activations.floats(rows, shape.width());
            hidden = Activations.floats(rows, shape.hidden());
            dHidden = Activations.floats(backward, shape.hidden());
            dNormed = Activations.floats(backward, shape.width());
            dAttended = Activations.floats(backward, shape.queryColumns());
            dQuery = Activations.floats(backward, shape.queryColumns());
            dKey = Activations.floats(backward, shape.keyColumns());
            dValue = Activations.floats(backward, shape.keyColumns());
        }

        static double floatsPerRow(ModelShape shape) {
            return 2.0 * shape.width() + 2.0 * shape.hidden() + 2.0 * shape.queryColumns() + 2.0 * shape.keyColumns();
        }
    }

    Layer(ModelShape shape, int index, Rotary rotary, Parameters parameters, Arena arena) {
        this.shape = shape;
        this.index = index;
        this.rotary = rotary;
        String name = "layers." + index + ".";
        firstGain = parameters.add(name + "attention.norm", 1, shape.width());
        query = new Linear(parameters.add(name + "attention.query", shape.width(), shape.queryColumns()), arena);
        key = new Linear(parameters.add(name + "attention.key", shape.width(), shape.keyColumns()), arena);
        value = new Linear(parameters.add(name + "attention.value", shape.width(), shape.keyColumns()), arena);
        output = new Linear(parameters.add(name + "attention.output", shape.queryColumns(), shape.width()), arena);
        secondGain = parameters.add(name + "mlp.norm", 1, shape.width());
        gateUp = new Linear(parameters.add(name + "mlp.gate-up", shape.width(), 2 * shape.hidden()), arena);
        down = new Linear(parameters.add(name + "mlp.down", shape.hidden(), shape.width()), arena);
    }

    void pack() {
        List.of(query, key, value, output, gateUp, down).forEach(Linear::pack);
    }

    /** From {@code kept.input} to {@code next}. */
    void forward(Team team, Batch batch, ModelAttention attention, Activations kept, Work work, float[] next) {
        toAttention(team, batch, kept, work);
        AttentionInput input = input(batch, kept);
        attention.forward(index, input, kept.attended(shape, batch.sequences(), batch.length()),
                kept.logSumExp(shape, batch.sequences(), batch.length()));
        toGates(team, batch.rows(), kept, work);
        int rows = batch.rows();
        GatedUnit.forward(team, kept.inner.gateUp, rows, shape.hidden(), work.hidden);
        RowNorm.copy(team, kept.inner.middle, next, rows * shape.width());
        down.add(team, work.hidden, rows, next);
    }

    /** Computes again what the layers share, from the layer's input and the output of attention. */
    void again(Team team, Batch batch, Activations kept, Work work) {
        toAttention(team, batch, kept, work);
        toGates(team, batch.rows(), kept, work);
    }

    private void toAttention(Team team, Batch batch, Activations kept, Work work) {
        int rows = batch.rows();
        RowNorm.forward(team, kept.input, rows, firstGain.value(), kept.inner.firstInverse, work.normed);
        query.apply(team, work.normed, rows, kept.inner.query);
        key.apply(team, work.normed, rows, kept.inner.key);
        value.apply(team, work.normed, rows, kept.inner.value);
        rotary.turn(team, kept.inner.query, rows, shape.queryColumns(), batch.length(), false);
        rotary.turn(team, kept.inner.key, rows, shape.keyColumns(), batch.length(), false);
    }

    private void toGates(Team team, int rows, Activations kept, Work work) {
        RowNorm.copy(team, kept.input, kept.inner.middle, rows * shape.width());
        output.add(team, kept.attended, rows, kept.inner.middle);
        RowNorm.forward(team, kept.inner.middle, rows, secondGain.value(), kept.inner.secondInverse, work.normed);
        gateUp.apply(team, work.normed, rows, kept.inner.gateUp);
    }

    private AttentionInput input(Batch batch, Activations kept) {
        return kept.attentionInput(shape, batch.sequences(), batch.length(), batch.mask(shape.isDecoder()));
    }

    /** Replaces the gradient by the layer's output in {@code dx} by that by its input, and adds those by weights. */
    void backward(Team team, Batch batch, ModelAttention attention, Activations kept, Work work, float[] dx) {
        int rows = batch.rows();
        Activations.Inner inner = kept.inner;
        GatedUnit.forward(team, inner.gateUp, rows, shape.hidden(), work.hidden);
        down.addGradient(team, work.hidden, dx, rows);
        down.applyTransposed(team, dx, rows, work.dHidden);
        GatedUnit.backward(team, inner.gateUp, rows, shape.hidden(), work.dHidden);
        RowNorm.again(team, inner.middle, rows, secondGain.value(), inner.secondInverse, work.normed);
        gateUp.addGradient(team, work.normed, inner.gateUp, rows);
        gateUp.applyTransposed(team, inner.gateUp, rows, work.dNormed);
        RowNorm.backward(team, inner.middle, rows, secondGain, inner.secondInverse, work.dNormed, dx);

        output.addGradient(team, kept.attended, dx, rows);
        output.applyTransposed(team, dx, rows, work.dAttended);
        throughAttention(team, batch, attention, kept, work);
        RowNorm.again(team, kept.input, rows, firstGain.value(), inner.firstInverse, work.normed);
        query.addGradient(team, work.normed, work.dQuery, rows);
        key.addGradient(team, work.normed, work.dKey, rows);
        value.addGradient(team, work.normed, work.dValue, rows);
        query.applyTransposed(team, work.dQuery, rows, work.dNormed);
        key.addTransposed(team, work.dKey, rows, work.dNormed);
        value.addTransposed(team, work.dValue, rows, work.dNormed);
        RowNorm.backward(team, kept.input, rows, firstGain, inner.firstInverse, work.dNormed, dx);
    }

    private void throughAttention(Team team, Batch batch, ModelAttention attention, Activations kept, Work work) {
        int sequences = batch.sequences();
        int length = batch.length();
        int features = shape.headFeatures();
        attention.backward(index, input(batch, kept), kept.attended(shape, sequences, length),
                kept.logSumExp(shape, sequences, length),
                Activations.heads(work.dAttended, sequences, length, shape.heads(), features),
                new InputGradients(Activations.heads(work.dQuery, sequences, length, shape.heads(), features),
                        Activations.heads(work.dKey, sequences, length, shape.kvHeads(), features),
                        Activations.heads(work.dValue, sequences, length, shape.kvHeads(), features)));
        rotary.turn(team, work.dQuery, batch.rows(), shape.queryColumns(), length, true);
        rotary.turn(team, work.dKey, batch.rows(), shape.keyColumns(), length, true);
    }
}
