package dev.kdeformer.bodies;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Writes a source file of unrolled bodies that differ in their size alone: compilers keep sums in registers only where
 * each has a name. {@code BodiesTest} compares the file with what this writes, and writes it with
 * {@code -Dtest.vmargs=-Dbodies.write=true}.
 */
abstract class Bodies {
    /** Vectors of a register tile that sums products. */
    static final int VECTORS = 2;

    /** Its rows where there are 16 registers. */
    static final int NARROW = 6;

    private final String file;
    private final StringBuilder text = new StringBuilder();

    Bodies(String file) {
        this.file = file;
    }

    /** The file in the tree. */
    final Path file() {
        return Path.of("src/main/java/dev/kdeformer", file);
    }

    /** What the file should hold. */
    final String source() {
        text.setLength(0);
        all();
        return text.append("}\n").toString();
    }

    final void write() throws IOException {
        Files.writeString(file(), source());
    }

    /** Writes the file but for its last brace. */
    abstract void all();

    final void text(String lines) {
        text.append(lines);
    }

    final void line(int depth, String content) {
        text.append(content.isEmpty() ? "" : "    ".repeat(depth)).append(content).append('\n');
    }

    /** Adds the product of two vectors, both ways: for the compiler, a method of its own is one too many here. */
    static String sum(String target, String a, String b) {
        return target + " = FUSED ? " + a + ".fma(" + b + ", " + target + ") : " + a + ".mul(" + b + ").add(" + target
                + ");";
    }

    /** What to write for a row and a vector, or for a step and a row. */
    interface Line {
        String of(int first, int second);
    }

    /** Writes a line for each sum of a register tile of {@link #VECTORS} vectors. */
    final void each(int rows, Line line) {
        for (int row = 0; row < rows; row++) {
            for (int vector = 0; vector < VECTORS; vector++) {
                line(2, line.of(row, vector));
            }
        }
    }

    /**
     * Writes what a loop adds to the sums a{row}_{vector} of a register tile: in each of {@code steps}, left elements
     * times the vectors at the address b. With 16 registers, rows stand in pairs between branches that are never taken,
     * see {@code Lanes.NOWHERE}.
     *
     * @param distance of the address from step to step
     * @param element  the left element of a step and a row
     * @param fused    whether there are fused multiply-adds for certain
     */
    final void products(int rows, int steps, String distance, Line element, boolean fused) {
        int branches = 0;
        for (int step = 0; step < steps; step++) {
            String of = step == 0 ? "" : step + "_";
            for (int row = 0; row < rows; row++) {
                if (rows == NARROW && row % 2 == 0 && step + row > 0) {
                    never("b", ++branches);
                }
                for (int vector = 0; row == 0 && vector < VECTORS; vector++) {
                    line(3, "FloatVector b" + of + vector + " = load(b" + times(step, distance)
                            + times(vector, "VECTOR_BYTES") + ");");
                }
                String x = "x" + of + row;
                line(3, "FloatVector " + x + " = FloatVector.broadcast(FLOATS, " + element.of(step, row) + ");");
                for (int vector = 0; vector < VECTORS; vector++) {
                    String target = "a" + row + "_" + vector;
                    String right = "b" + of + vector;
                    line(3, fused ? target + " = " + x + ".fma(" + right + ", " + target + ");"
                            : sum(target, x, right));
                }
            }
        }
    }

    private void never(String address, int count) {
        line(3, "if (" + address + " < " + (count == 1 ? "" : count + " * ") + "NOWHERE) {");
        line(4, "break;");
        line(3, "}");
    }

    /** What is added to an address for so many units. */
    static String times(int factor, String unit) {
        return factor == 0 ? "" : factor == 1 ? " + " + unit : " + " + factor + " * " + unit;
    }
}
