package dev.kdeformer.bodies;

/** The register tiles of the outer products that gradients of weights are. */
final class OuterBodies extends Bodies {
    private static final int VECTORS = 2;
    /** Rows of the tile for 16 registers. */
    private static final int NARROW = 6;

    OuterBodies() {
        super("train/OuterTiles.java");
    }

    @Override
    void all() {
        text("""
                package dev.kdeformer.train;

                import static dev.kdeformer.kernel.Lanes.FLOATS;
                import static dev.kdeformer.kernel.Lanes.LANES;
                import static dev.kdeformer.kernel.Lanes.NOWHERE;
                import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;
                import static dev.kdeformer.kernel.Lanes.load;
                import static dev.kdeformer.runtime.MultiplyAdd.FUSED;
                import static dev.kdeformer.train.OuterKernel.STRIDE;

                import jdk.incubator.vector.FloatVector;

                /**
                 * The register tiles of {@link OuterKernel}, named by rows × vectors. That of pairs takes two rows of x
                 * in each turn of the loop and wants an even number of them. Written by OuterBodies in the tests, which
                 * is what to change.
                 */
                final class OuterTiles {
                    private OuterTiles() {
                    }
                """);
        body(12, "", 1);
        body(NARROW, "", 1);
        body(NARROW, "Pairs", 2);
    }

    private void body(int rows, String name, int steps) {
        int branches = 0;
        line(0, "");
        line(1, "static void add" + rows + "x" + VECTORS + name
                + "(float[] x, int first, int inner, long right, float[] o, int o0, int oStride) {");
        each(rows, (row, vector) -> "FloatVector a" + row + "_" + vector + " = FloatVector.fromArray(FLOATS, o, "
                + place(row, vector) + ");");
        line(2, "for (int i = 0; i < inner; " + (steps == 1 ? "i++" : "i += " + steps) + ") {");
        line(3, "long b = right + i * Panels.LINE;");
        line(3, "int a = first + i * STRIDE;");
        for (int step = 0; step < steps; step++) {
            if (step > 0) {
                never("b", ++branches);
            }
            String of = step == 0 ? "" : step + "_";
            for (int vector = 0; vector < VECTORS; vector++) {
                line(3, "FloatVector b" + of + vector + " = load(b" + times(step, "Panels.LINE")
                        + times(vector, "VECTOR_BYTES") + ");");
            }
            for (int row = 0; row < rows; row++) {
                if (rows == NARROW && row > 0 && row % 2 == 0) {
                    never("b", ++branches);
                }
                line(3, "FloatVector x" + of + row + " = FloatVector.broadcast(FLOATS, x[a" + times(step, "STRIDE")
                        + (row == 0 ? "" : " + " + row) + "]);");
                for (int vector = 0; vector < VECTORS; vector++) {
                    line(3, sum("a" + row + "_" + vector, "x" + of + row, "b" + of + vector));
                }
            }
        }
        line(2, "}");
        each(rows, (row, vector) -> "a" + row + "_" + vector + ".intoArray(o, " + place(row, vector) + ");");
        line(1, "}");
    }

    private interface Line {
        String of(int row, int vector);
    }

    private void each(int rows, Line line) {
        for (int row = 0; row < rows; row++) {
            for (int vector = 0; vector < VECTORS; vector++) {
                line(2, line.of(row, vector));
            }
        }
    }

    private static String place(int row, int vector) {
        return "o0" + times(row, "oStride") + times(vector, "LANES");
    }
}
