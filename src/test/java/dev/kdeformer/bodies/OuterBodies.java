package dev.kdeformer.bodies;

/** The register tiles of the outer products that gradients of weights are. */
final class OuterBodies extends Bodies {
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
        line(0, "");
        line(1, "static void add" + rows + "x" + VECTORS + name
                + "(float[] x, int first, int inner, long right, float[] o, int o0, int oStride) {");
        each(rows, (row, vector) -> "FloatVector a" + row + "_" + vector + " = FloatVector.fromArray(FLOATS, o, "
                + place(row, vector) + ");");
        line(2, "for (int i = 0; i < inner; " + (steps == 1 ? "i++" : "i += " + steps) + ") {");
        line(3, "long b = right + i * Panels.LINE;");
        line(3, "int a = first + i * STRIDE;");
        products(rows, steps, "Panels.LINE", (step, row) -> "x[a" + times(step, "STRIDE")
                + (row == 0 ? "" : " + " + row) + "]", false);
        line(2, "}");
        each(rows, (row, vector) -> "a" + row + "_" + vector + ".intoArray(o, " + place(row, vector) + ");");
        line(1, "}");
    }

    private static String place(int row, int vector) {
        return "o0" + times(row, "oStride") + times(vector, "LANES");
    }
}
