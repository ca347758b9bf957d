package dev.kdeformer.cli.input;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Mask;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.tensor.Tensor;

/**
 * Input with what a report says about it.
 *
 * @param name  what it is called in reports
 * @param about where it comes from, one line, may be empty
 * @param rank  number of dimensions that the query file had, and that an output file gets
 * @param input the tensors, scale and mask
 */
public record NamedInput(String name, String about, int rank, AttentionInput input) {
    /** Bytes of the tensors; a tensor used twice counts once. */
    public long bytes() {
        Tensor query = input.query();
        Tensor key = input.key();
        long elements = query.shape().elements() + input.value().shape().elements();
        if (!key.segment().equals(query.segment())) {
            elements += key.shape().elements();
        }
        return elements * Float.BYTES;
    }

    /** The first rows of queries, keys, values and biases, or all where there are fewer; unmasked, with scale 1/√d. */
    public AttentionInput firstRows(int rows) {
        AttentionInput first = AttentionInput.of(first(input.query(), rows), first(input.key(), rows),
                first(input.value(), rows));
        return input.keyBias() == null ? first : first.withKeyBias(firstColumns(input.keyBias(), first.keys()));
    }

    /** The same input without its mask. */
    public NamedInput unmasked() {
        return new NamedInput(name, about, rank, input.withMask(Mask.none()));
    }

    private static Tensor firstColumns(Tensor tensor, int columns) {
        return Tensor.of(tensor.segment(), tensor.shape().withColumns(columns), tensor.batchStride(),
                tensor.headStride(), tensor.rowStride(), tensor.columnStride());
    }

    private static Tensor first(Tensor tensor, int rows) {
        return tensor.rows(0, Math.min(rows, tensor.shape().rows()));
    }

    /** The shape in words. */
    public String shape() {
        StringBuilder text = new StringBuilder();
        if (input.batch() > 1) {
            text.append("batch ").append(input.batch()).append(", ");
        }
        text.append(input.heads()).append(input.heads() == 1 ? " head" : " heads");
        if (input.kvHeads() != input.heads()) {
            text.append(" (").append(input.kvHeads()).append(" of keys)");
        }
        if (input.queries() == input.keys()) {
            text.append(", n = m = ").append(input.queries());
        } else {
            text.append(", n = ").append(input.queries()).append(", m = ").append(input.keys());
        }
        text.append(", d = ").append(input.d());
        if (input.dv() != input.d()) {
            text.append(", d_v = ").append(input.dv());
        }
        text.append(", scale ").append(Sentences.digits(input.scale()));
        Mask mask = input.mask();
        switch (mask.causality()) {
            case LOWER_RIGHT -> text.append(", causal (lower right)");
            case UPPER_LEFT -> text.append(", causal (upper left)");
            case NONE -> text.append(", not causal");
        }
        if (mask.hasWindow()) {
            text.append(", window of ").append(mask.window());
        }
        text.append(mask.hasKeyLengths() ? ", padded keys" : "");
        text.append(input.keyBias() != null ? ", biased keys" : "");
        text.append(input.pairBias() != null ? ", biased pairs" : "");
        text.append(input.hasSinks() ? ", sinks" : "");
        text.append(mask.hasSequences() ? ", packed sequences" : "");
        return text.append(input.softCap() > 0 ? ", soft cap of " + Sentences.digits(input.softCap()) : "").toString();
    }
}
