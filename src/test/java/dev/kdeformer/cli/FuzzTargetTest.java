package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The fuzzer's seeds, as they are and damaged in a few places, through every reader. */
class FuzzTargetTest {
    private static final int DAMAGED = 2000;

    @ParameterizedTest
    @EnumSource
    void seedsAreReadOrRefusedHoweverDamaged(FuzzTarget.Reader reader) throws IOException {
        Path folder = Path.of("src/test/fuzz", reader.name().toLowerCase(Locale.ROOT));
        List<Path> files;
        try (Stream<Path> seeds = Files.list(folder)) {
            files = seeds.sorted().toList();
        }
        int read = 0;
        for (Path file : files) {
            read += FuzzTarget.isRefused(reader, Files.readAllBytes(file)) ? 0 : 1;
        }
        assertTrue(read >= 2, "only " + read + " of the seeds in " + folder + " can be read");
        SplittableRandom random = new SplittableRandom(reader.ordinal());
        int refused = 0;
        for (int i = 0; i < DAMAGED; i++) {
            byte[] bytes = damaged(Files.readAllBytes(files.get(random.nextInt(files.size()))), random);
            refused += FuzzTarget.isRefused(reader, bytes) ? 1 : 0;
        }
        System.out.println("FuzzTargetTest: " + reader + ": " + DAMAGED + " damaged inputs, " + refused + " refused");
        assertTrue(refused > DAMAGED / 10, refused + " of " + DAMAGED + " refused");
    }

    private static byte[] damaged(byte[] bytes, SplittableRandom random) {
        int most = bytes.length;
        for (int edits = 1 + random.nextInt(4); edits > 0 && most > 0; edits--) {
            int at = random.nextInt(most);
            switch (random.nextInt(5)) {
                case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> bytes[at] = (byte) random.nextInt();
                case 2 -> bytes = Arrays.copyOf(bytes, most - random.nextInt(Math.min(most, 20)));
                case 3 -> System.arraycopy(bytes, random.nextInt(at + 1), bytes, at, Math.min(4, most - at));
                default -> bytes[at] = (byte) "0123456789-,.=<>()[]{}'\" \n".charAt(random.nextInt(26));
            }
            most = bytes.length;
        }
        return bytes;
    }
}
