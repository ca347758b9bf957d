package dev.kdeformer.pilot.keys;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DimensionTest {
    private final Engine engine = Engine.create(2);
    private final Team crew = Crews.begin(engine);
    private final TestInputs make = TestInputs.of(3);

    @AfterEach
    void close() {
        Crews.end(engine, crew);
        engine.close();
    }

    private double dimension(AttentionInput input) {
        KeyHead head = new Call(input, make.zeros(input.outputShape()), null, crew).keyHead(0);
        double[] found = new double[1];
        SharedKeys.<KeyGroups>forEach(head, input.scale(), 32, Function.identity(),
                (member, queries, keys) -> found[0] = Dimension.of(keys, queries), crew);
        return found[0];
    }

    /** Points of a cube of few dimensions, turned into a space of many. */
    private AttentionInput cube(int dimensions) {
        AttentionInput input = make.normal(1, 1, 1, 2000, 4000, 12, 3);
        Random random = new Random(dimensions);
        double[] turn = random.doubles(12L * dimensions, -1, 1).toArray();
        for (int j = 0; j < 4000; j++) {
            double[] point = random.doubles(dimensions, -1, 1).toArray();
            for (int c = 0; c < 12; c++) {
                double x = 0;
                for (int r = 0; r < dimensions; r++) {
                    x += turn[r * 12 + c] * point[r];
                }
                input.key().matrix(0, 0).set(j, c, (float) x);
            }
        }
        return input;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void cubesHaveTheirDimension(int dimensions) {
        assertEquals(dimensions, dimension(cube(dimensions)), 0.5);
    }

    @Test
    void noiseHasMany() {
        assertTrue(dimension(make.normal(1, 1, 1, 2000, 4000, 40, 3)) > 20);
    }

    @Test
    void equalKeysAndASingleOneHaveNoGroups() {
        AttentionInput equal = make.normal(1, 1, 1, 50, 40, 6, 3);
        for (int j = 0; j < 40; j++) {
            for (int c = 0; c < 6; c++) {
                equal.key().matrix(0, 0).set(j, c, c);
            }
        }
        assertEquals(Double.POSITIVE_INFINITY, dimension(equal));
        assertEquals(Double.POSITIVE_INFINITY, dimension(make.normal(1, 1, 1, 50, 1, 6, 3)));
    }
}
