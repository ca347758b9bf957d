package dev.kdeformer.pilot.tile;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

class FoldBodiesTest {
    @Test
    void theTreeHasWhatTheGeneratorWrites() throws IOException {
        if (Boolean.getBoolean("fold.write")) {
            FoldBodies.write();
        }
        assertEquals(FoldBodies.source(), Files.readString(FoldBodies.FILE),
                "change FoldBodies, then run FoldBodiesTest with -Dtest.vmargs=-Dfold.write=true");
    }
}
