package dev.kdeformer.onnx.match;

/**
 * Queries, keys or values as a value of the graph and how to read it.
 *
 * @param value    the value
 * @param split    heads that the last axis is to be split into, (…, heads · d) to (…, heads, d); 0 for none
 * @param axes     the value's axis (after the split) for each of the leading dimensions, rows and columns, in this
 *                 order; null stands for the order in which they lie
 * @param swapped  whether rows and columns are to be exchanged in addition
 */
public record Operand(String value, int split, int[] axes, boolean swapped) {
    /** A value whose last two axes are rows and columns. */
    static Operand of(String value) {
        return new Operand(value, 0, null, false);
    }

    /** A value (batch, rows, heads · d). */
    static Operand splitHeads(String value, int heads) {
        return new Operand(value, heads, new int[] {0, 2, 1, 3}, false);
    }

    /** A value (batch, heads, rows, d). */
    public static Operand byHead(String value) {
        return of(value);
    }

    /** The same with rows and columns exchanged. */
    Operand swap() {
        if (axes == null) {
            return new Operand(value, split, null, !swapped);
        }
        int[] changed = axes.clone();
        int last = axes.length - 1;
        changed[last] = axes[last - 1];
        changed[last - 1] = axes[last];
        return new Operand(value, split, changed, false);
    }

    /** The same tensor read from the value that a Transpose with this permutation makes it of. */
    Operand before(String input, int[] permutation) {
        int rank = permutation.length;
        if (axes != null && axes.length != rank) {
            return null;
        }
        int[] order = new int[rank];
        for (int i = 0; i < rank; i++) {
            order[i] = permutation[axes == null ? i : axes[i]];
        }
        Operand plain = new Operand(input, 0, order, false);
        return swapped ? plain.swap() : plain;
    }

    /** The same read from another value that has the same elements and dimensions. */
    Operand from(String input) {
        return new Operand(input, split, axes, swapped);
    }

    /** The value's axes in the order leading dimensions, rows, columns, for a value of {@code rank} after the split. */
    public int[] order(int rank) {
        if (axes != null) {
            return axes;
        }
        int[] order = new int[rank];
        for (int i = 0; i < rank; i++) {
            order[i] = i;
        }
        if (swapped) {
            order[rank - 1] = rank - 2;
            order[rank - 2] = rank - 1;
        }
        return order;
    }
}
