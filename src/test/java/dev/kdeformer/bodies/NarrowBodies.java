package dev.kdeformer.bodies;

/** The register tiles of logits and of weighted values for 16 registers. */
final class NarrowBodies extends Bodies {
    NarrowBodies() {
        super("kernel/NarrowTiles.java");
    }

    @Override
    void all() {
        text("""
                package dev.kdeformer.kernel;

                import static dev.kdeformer.kernel.Lanes.FLOATS;
                import static dev.kdeformer.kernel.Lanes.LANES;
                import static dev.kdeformer.kernel.Lanes.NOWHERE;
                import static dev.kdeformer.kernel.Lanes.STRIDE;
                import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;
                import static dev.kdeformer.kernel.Lanes.load;

                import jdk.incubator.vector.FloatVector;

                /**
                 * The register tiles of {@link LogitKernel} and {@link ValueKernel} where there are 16 registers, named
                 * by rows × vectors, with fused multiply-adds. Those of pairs take two features or keys in each turn of
                 * the loop and want an even number of them: where another thread shares the core, what counts is how
                 * many instructions there are. Written by NarrowBodies in the tests, which is what to change.
                 */
                final class NarrowTiles {
                    private NarrowTiles() {
                    }
                """);
        logits("", 1);
        logits("Pairs", 2);
        add("", 1, "rowBytes");
        add("Pairs", 2, "(2 * VECTOR_BYTES)");
    }

    private void logits(String name, int steps) {
        line(0, "");
        line(1, "static void logits" + NARROW + "x" + VECTORS + name
                + "(float[] q, int q0, int d, long keys, long bias, float[] s, int s0) {");
        each(NARROW, (row, vector) -> "FloatVector a" + row + "_" + vector + " = "
                + (row == 0 ? "load(bias" + times(vector, "VECTOR_BYTES") + ")" : "a0_" + vector) + ";");
        loop("d", steps, "keys + (long) i * (2 * VECTOR_BYTES)", "(2 * VECTOR_BYTES)", "q", "q0");
        each(NARROW, (row, vector) -> "a" + row + "_" + vector + ".intoArray(s, s0" + times(row, "STRIDE")
                + times(vector, "LANES") + ");");
        line(1, "}");
    }

    private void add(String name, int steps, String distance) {
        boolean any = distance.equals("rowBytes");
        line(0, "");
        line(1, "static void add" + NARROW + "x" + VECTORS + name + "(float[] p, int p0, int keys, long values, "
                + (any ? "long rowBytes, " : "") + "float[] o, int o0,");
        line(3, "int oStride) {");
        each(NARROW, (row, vector) -> "FloatVector a" + row + "_" + vector + " = FloatVector.zero(FLOATS);");
        loop("keys", steps, "values + " + (any ? "i * rowBytes" : "(long) i * " + distance), distance, "p", "p0");
        each(NARROW, (row, vector) -> {
            String place = "o0" + times(row, "oStride") + times(vector, "LANES");
            return "FloatVector.fromArray(FLOATS, o, " + place + ").add(a" + row + "_" + vector + ").intoArray(o, "
                    + place + ");";
        });
        line(1, "}");
    }

    private void loop(String end, int steps, String address, String distance, String left, String start) {
        line(2, "for (int i = 0; i < " + end + "; " + (steps == 1 ? "i++" : "i += " + steps) + ") {");
        line(3, "int a = " + start + " + i;");
        line(3, "long b = " + address + ";");
        products(NARROW, steps, distance, (step, row) -> left + "[a" + (step == 0 ? "" : " + " + step)
                + times(row, "STRIDE") + "]", true);
        line(2, "}");
    }
}
