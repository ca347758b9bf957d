package dev.kdeformer.train;

/** A trained matrix, row-major, with its gradient. */
final class Parameter {
    private final String name;
    private final int rows;
    private final int columns;
    private final float[] value;
    private float[] gradient;

    Parameter(String name, int rows, int columns) {
        this.name = name;
        this.rows = rows;
        this.columns = columns;
        this.value = new float[Math.multiplyExact(rows, columns)];
    }

    String name() {
        return name;
    }

    int rows() {
        return rows;
    }

    int columns() {
        return columns;
    }

    int size() {
        return value.length;
    }

    /** Gains of norms have one row; decay would pull them to 0, which no gain means. */
    boolean decays() {
        return rows > 1;
    }

    float[] value() {
        return value;
    }

    /**
     * The gradient, made of zeros when it is first asked for: a model that only predicts has none. Threads that ask for
     * it at the same time get the same one.
     */
    synchronized float[] gradient() {
        if (gradient == null) {
            gradient = new float[value.length];
        }
        return gradient;
    }
}
