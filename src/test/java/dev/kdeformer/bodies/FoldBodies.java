package dev.kdeformer.bodies;

/** The register tiles of sums over keys of the folds: nodes × vectors, with and without sums of squares. */
final class FoldBodies extends Bodies {
    FoldBodies() {
        super("pilot/tile/FoldTiles.java");
    }

    @Override
    void all() {
        text("""
                package dev.kdeformer.pilot.tile;

                import static dev.kdeformer.kernel.Lanes.FLOATS;
                import static dev.kdeformer.kernel.Lanes.LANES;
                import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;
                import static dev.kdeformer.pilot.tile.FoldBlock.ROOM;
                import static dev.kdeformer.runtime.MultiplyAdd.FUSED;

                import dev.kdeformer.kernel.Lanes;
                import jdk.incubator.vector.FloatVector;

                /**
                 * The register tiles of {@link FoldKernel}, named by nodes × vectors. Written by FoldBodies in the
                 * tests, which is what to change.
                 */
                final class FoldTiles {
                    private FoldTiles() {
                    }
                """);
        for (int nodes : new int[] {4, 1}) {
            for (int vectors : new int[] {2, 1}) {
                body(nodes, vectors, true);
                body(nodes, vectors, false);
            }
        }
    }

    private void body(int nodes, int vectors, boolean squares) {
        line(0, "");
        line(1, "static void " + (squares ? "moments" : "sum") + nodes + "x" + vectors
                + "(long column, long rowBytes, FoldBlock block, int node, float[] sums, int at"
                + (nodes > 1 ? "," : ") {"));
        if (nodes > 1) {
            line(3, "int width) {");
        }
        line(2, "int[] index = block.index;");
        line(2, "float[] weights = block.weights;");
        line(2, "int from = node * ROOM;");
        line(2, "int count = block.count;");
        if (squares) {
            line(2, "int squares = at + (int) (rowBytes / Float.BYTES);");
        }
        for (int i = 0; i < nodes; i++) {
            for (int v = 0; v < vectors; v++) {
                line(2, "FloatVector s" + i + v + " = FloatVector.fromArray(FLOATS, sums, " + place("at", i, v) + ");");
                if (squares) {
                    line(2, "FloatVector q" + i + v + " = FloatVector.fromArray(FLOATS, sums, " + place("squares", i, v)
                            + ");");
                }
            }
        }
        line(2, "for (int j = 0; j < count; j++) {");
        line(3, "long row = column + index[j] * rowBytes;");
        for (int v = 0; v < vectors; v++) {
            line(3, "FloatVector v" + v + " = Lanes.load(row" + (v == 0 ? "" : " + VECTOR_BYTES") + ");");
            if (squares) {
                line(3, "FloatVector x" + v + " = v" + v + ".mul(v" + v + ");");
            }
        }
        for (int i = 0; i < nodes; i++) {
            String weight = "weights[from" + times(i, "ROOM") + " + j]";
            line(3, "FloatVector w" + i + " = FloatVector.broadcast(FLOATS, " + weight + ");");
            for (int v = 0; v < vectors; v++) {
                line(3, sum("s" + i + v, "w" + i, "v" + v));
                if (squares) {
                    line(3, sum("q" + i + v, "w" + i, "x" + v));
                }
            }
        }
        line(2, "}");
        for (int i = 0; i < nodes; i++) {
            for (int v = 0; v < vectors; v++) {
                line(2, "s" + i + v + ".intoArray(sums, " + place("at", i, v) + ");");
                if (squares) {
                    line(2, "q" + i + v + ".intoArray(sums, " + place("squares", i, v) + ");");
                }
            }
        }
        line(1, "}");
    }

    private static String place(String base, int node, int vector) {
        return base + times(node, "width") + times(vector, "LANES");
    }
}
