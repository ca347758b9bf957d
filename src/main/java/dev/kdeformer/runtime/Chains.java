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

    static float twelve(int steps) {
        FloatVector x = FloatVector.broadcast(SPECIES, 0.5f);
        FloatVector y = FloatVector.broadcast(SPECIES, 0.25f);
        FloatVector a0 = y;
        FloatVector a1 = y;
        FloatVector a2 = y;
        FloatVector a3 = y;
        FloatVector a4 = y;
        FloatVector a5 = y;
        FloatVector a6 = y;
        FloatVector a7 = y;
        FloatVector a8 = y;
        FloatVector a9 = y;
        FloatVector a10 = y;
        FloatVector a11 = y;
        for (int i = 0; i < steps; i++) {
            a0 = fma(a0, x, y);
            a1 = fma(a1, x, y);
            a2 = fma(a2, x, y);
            a3 = fma(a3, x, y);
            a4 = fma(a4, x, y);
            a5 = fma(a5, x, y);
            a6 = fma(a6, x, y);
            a7 = fma(a7, x, y);
            a8 = fma(a8, x, y);
            a9 = fma(a9, x, y);
            a10 = fma(a10, x, y);
            a11 = fma(a11, x, y);
        }
        return a0
                .add(a1).add(a2).add(a3).add(a4)
                .add(a5).add(a6).add(a7).add(a8)
                .add(a9).add(a10).add(a11)
                .lane(0);
    }

    static float sixteen(int steps) {
        FloatVector x = FloatVector.broadcast(SPECIES, 0.5f);
        FloatVector y = FloatVector.broadcast(SPECIES, 0.25f);
        FloatVector a0 = y;
        FloatVector a1 = y;
        FloatVector a2 = y;
        FloatVector a3 = y;
        FloatVector a4 = y;
        FloatVector a5 = y;
        FloatVector a6 = y;
        FloatVector a7 = y;
        FloatVector a8 = y;
        FloatVector a9 = y;
        FloatVector a10 = y;
        FloatVector a11 = y;
        FloatVector a12 = y;
        FloatVector a13 = y;
        FloatVector a14 = y;
        FloatVector a15 = y;
        for (int i = 0; i < steps; i++) {
            a0 = fma(a0, x, y);
            a1 = fma(a1, x, y);
            a2 = fma(a2, x, y);
            a3 = fma(a3, x, y);
            a4 = fma(a4, x, y);
            a5 = fma(a5, x, y);
            a6 = fma(a6, x, y);
            a7 = fma(a7, x, y);
            a8 = fma(a8, x, y);
            a9 = fma(a9, x, y);
            a10 = fma(a10, x, y);
            a11 = fma(a11, x, y);
            a12 = fma(a12, x, y);
            a13 = fma(a13, x, y);
            a14 = fma(a14, x, y);
            a15 = fma(a15, x, y);
        }
        return a0
                .add(a1).add(a2).add(a3).add(a4)
                .add(a5).add(a6).add(a7).add(a8)
                .add(a9).add(a10).add(a11).add(a12)
                .add(a13).add(a14).add(a15)
                .lane(0);
    }
}
