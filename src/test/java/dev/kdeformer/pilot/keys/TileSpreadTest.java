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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TileSpreadTest {
    private final Engine engine = Engine.create(2);
    private final Team crew = Crews.begin(engine);
    private final TestInputs make = TestInputs.of(9);

    @AfterEach
    void close() {
        Crews.end(engine, crew);
        engine.close();
    }

    private double guess(AttentionInput input, int tile) {
        KeyHead head = new Call(input, make.zeros(input.outputShape()), null, crew).keyHead(0);
        return TileSpread.guess(head, 0, head.visibleKeys(), input.scale(), tile, crew);
    }

    @Test
    void noiseOfManyFeaturesSpreadsAsMuchInATileAsInAll() {
        // Logits of standard normal rows have the variance scale² d.
        AttentionInput input = make.normal(1, 1, 1, 4096, 3000, 64, 4).withScale(0.125f);
        double spread = guess(input, 256);
        assertTrue(spread > 0.5 && spread < 1.2, "spread " + spread);
        assertEquals(4 * spread, guess(input.withScale(0.25f), 256), 0.1 * spread);
    }

    @Test
    void clustersOfTheSizeOfATileSpreadLittle() {
        AttentionInput input = make.normal(1, 1, 1, 4096, 3000, 16, 4).withScale(0.25f);
        double all = guess(input, 4096);
        for (int i = 0; i < 4096; i++) {
            for (int c = 0; c < 16; c++) {
                float noise = input.query().matrix(0, 0).get(i, c);
                float centre = input.query().matrix(0, 0).get(i % 16, c);
                input.query().matrix(0, 0).set(i, c, i < 16 ? noise : centre + 0.1f * noise);
            }
        }
        double tile = guess(input, 128);
        assertTrue(tile < 0.03 * all, tile + " of " + all);
    }

    @Test
    void fewQueriesAndKeysHaveASpread() {
        assertEquals(0, guess(make.normal(1, 1, 1, 1, 7, 3, 2), 256));
        assertTrue(guess(make.normal(1, 1, 1, 2, 1, 3, 2), 256) >= 0);
    }
}
