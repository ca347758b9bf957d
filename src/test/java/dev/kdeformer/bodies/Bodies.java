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

    /** The {@code count}-th branch of a body that is never taken, see {@code Lanes.NOWHERE}. */
    final void never(String address, int count) {
        line(3, "if (" + address + " < " + (count == 1 ? "" : count + " * ") + "NOWHERE) {");
        line(4, "break;");
        line(3, "}");
    }

    /** What is added to an address for so many units. */
    static String times(int factor, String unit) {
        return factor == 0 ? "" : factor == 1 ? " + " + unit : " + " + factor + " * " + unit;
    }
}
