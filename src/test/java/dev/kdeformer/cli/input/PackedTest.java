package dev.kdeformer.cli.input;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PackedTest {
    @Test
    void bytesComeBack() throws IOException {
        for (int length : new int[] {0, 1, 2, 3, 128, 10_001}) {
            byte[] bytes = new byte[length];
            new SplittableRandom(length).nextBytes(bytes);
            assertArrayEquals(bytes, Packed.unpack(new ByteArrayInputStream(Packed.pack(bytes))));
        }
    }

    @Test
    void bytesThatRepeatAtEverySecondPlaceAreSaved() throws IOException {
        byte[] bytes = new byte[20_000];
        new SplittableRandom(1).nextBytes(bytes);
        for (int i = 0; i < bytes.length; i += 2) {
            bytes[i] = 7;
        }
        assertTrue(Packed.pack(bytes).length < 10_200);
    }
}
