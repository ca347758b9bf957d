package dev.kdeformer.bodies;

import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Chains of multiply-adds side by side, which tell how fast a machine is at best. */
final class ChainBodies extends Bodies {
    ChainBodies() {
        super("runtime/Chains.java");
    }

    @Override
    void all() {
        text("""
                package dev.kdeformer.runtime;

                import static dev.kdeformer.runtime.MultiplyAdd.fma;

                import jdk.incubator.vector.FloatVector;
                import jdk.incubator.vector.VectorSpecies;

                /**
                 * Chains of multiply-adds side by side, held in registers, for {@link MachineProbe}. Written by
                 * ChainBodies in the tests, which is what to change.
                 */
                final class Chains {
                    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

                    private Chains() {
                    }
                """);
        body("twelve", 12);
        body("sixteen", 16);
    }

    private void body(String name, int chains) {
        line(0, "");
        line(1, "static float " + name + "(int steps) {");
        line(2, "FloatVector x = FloatVector.broadcast(SPECIES, 0.5f);");
        line(2, "FloatVector y = FloatVector.broadcast(SPECIES, 0.25f);");
        for (int i = 0; i < chains; i++) {
            line(2, "FloatVector a" + i + " = y;");
        }
        line(2, "for (int i = 0; i < steps; i++) {");
        for (int i = 0; i < chains; i++) {
            line(3, "a" + i + " = fma(a" + i + ", x, y);");
        }
        line(2, "}");
        line(2, "return a0");
        for (int i = 1; i < chains; i += 4) {
            line(4, IntStream.range(i, Math.min(chains, i + 4)).mapToObj(j -> ".add(a" + j + ")")
                    .collect(Collectors.joining()));
        }
        line(4, ".lane(0);");
        line(1, "}");
    }
}
