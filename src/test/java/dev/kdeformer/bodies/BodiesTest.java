package dev.kdeformer.bodies;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BodiesTest {
    static Stream<Bodies> generators() {
        return Stream.of(new FoldBodies(), new NarrowBodies(), new OuterBodies(), new ChainBodies());
    }

    @ParameterizedTest
    @MethodSource("generators")
    void theTreeHasWhatTheGeneratorWrites(Bodies bodies) throws IOException {
        if (Boolean.getBoolean("bodies.write")) {
            bodies.write();
        }
        assertEquals(bodies.source(), Files.readString(bodies.file()), "change " + bodies.getClass().getSimpleName()
                + ", then run BodiesTest with -Dtest.vmargs=-Dbodies.write=true");
    }
}
