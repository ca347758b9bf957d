package dev.kdeformer.onnx.match;

/**
 * One of the things that a graph does to the logits before the softmax. Terms apply in order; a value is broadcast to
 * the logits from the right, as ONNX does.
 *
 * @param kind   what is done
 * @param value  the value that it is done with
 * @param factor of {@link Kind#ADD}: what the value is multiplied by
 * @param fill   of the other kinds: the logit of a hidden key, or what is added to it where {@code added}
 * @param added  whether the fill is added to the logit and does not replace it
 * @param shape  the shape operand of the last Reshape that the logits went through before, or the empty string
 */
public record MaskTerm(Kind kind, String value, double factor, double fill, boolean added, String shape) {
    /** What a term does. */
    public enum Kind {
        /** Adds the value to the logits. */
        ADD,
        /** Hides keys where the value is false or 0. */
        KEEP,
        /** Hides keys where the value is true or not 0. */
        DROP,
        /** Adds the value, or hides keys where it is false, whichever its element type says. */
        MASK,
        /** Hides keys from the value's length of the batch item on. */
        LENGTHS,
        /** Hides keys beyond the value's last key of the batch item. */
        LAST_KEYS,
        /** The value's last key of every batch item has to be the last of all. */
        WHOLE_LAST_KEYS,
        /** A length for each batch item, or 0 for hidden keys, (batch, m) or (batch, n, m). */
        PADDING
    }

    /** A value that is added to the logits, which were last reshaped to {@code shape}. */
    public static MaskTerm add(String value, String shape) {
        return new MaskTerm(Kind.ADD, value, 1, 0, true, shape);
    }

    static MaskTerm hide(Kind kind, String value, double fill, boolean added, String shape) {
        return new MaskTerm(kind, value, 1, fill, added, shape);
    }

    MaskTerm times(double scale) {
        return new MaskTerm(kind, value, factor * scale, fill * scale, added, shape);
    }
}
