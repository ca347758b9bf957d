package dev.kdeformer.cli.input;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.cli.Outcome;
import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.io.Npy;
import dev.kdeformer.tensor.Shape;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CatalogueTest {
    @TempDir
    private Path folder;

    @Test
    void everyEmbeddedSetIsWhatTheManifestSays() throws IOException {
        Catalogue catalogue = Catalogue.embedded();
        assertTrue(catalogue.sets().size() >= 7);
        for (DataSet set : catalogue.sets()) {
            assertFalse(set.origin().licence().isEmpty() || set.origin().model().isEmpty()
                    || set.origin().kind().isEmpty(), set.name());
            for (Map.Entry<String, String> file : set.files().entrySet()) {
                byte[] bytes = catalogue.bytes(file.getValue());
                try (Arena arena = Arena.ofConfined()) {
                    Shape shape = Npy.read(new ByteArrayInputStream(bytes), bytes.length, file.getValue(), arena)
                            .shape();
                    int columns = file.getKey().equals("v") ? set.sizes().dv() : set.sizes().d();
                    assertEquals(Shape.of(1, shape.heads(), set.sizes().n(), columns), shape, file.getValue());
                    // Queries may share the heads of keys and values.
                    assertEquals(0, set.sizes().heads() % shape.heads(), file.getValue());
                    assertTrue(!file.getKey().equals("q") || set.sizes().heads() == shape.heads(), file.getValue());
                }
            }
        }
    }

    @Test
    void everyEmbeddedPictureIsWhatTheManifestSays() throws IOException {
        Catalogue catalogue = Catalogue.embedded();
        assertEquals(3, catalogue.pictures().size());
        for (Picture picture : catalogue.pictures()) {
            var image = ImageIO.read(new ByteArrayInputStream(catalogue.bytes(picture.file())));
            assertEquals(picture.width(), image.getWidth());
            assertEquals(picture.height(), image.getHeight());
            assertEquals(picture.channels(), image.getColorModel().getNumComponents());
            assertFalse(picture.licence().isEmpty());
        }
    }

    @Test
    void theEmbeddedDataStaysSmall() throws IOException, URISyntaxException {
        Path data = Path.of(Catalogue.class.getResource("/dev/kdeformer/cli/data/manifest.json").toURI()).getParent();
        try (Stream<Path> files = Files.list(data)) {
            long bytes = files.mapToLong(file -> file.toFile().length()).sum();
            assertTrue(bytes > 10_000_000 && bytes < 14_500_000, bytes + " bytes");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "                                   | is not JSON",
        "no                                 | is not JSON",
        "[1]                                | is not JSON",
        "{\"sets\": 3}                      | sets must be a list",
        "{\"sets\": [3]}                    | sets[0] must be an object",
        "{\"sets\": [{}]}                   | sets[0] has no files",
        "{\"sets\": [{\"files\": {}}]}      | sets[0].files has no q",
        "{\"sets\": [{\"files\": {\"q\": 1}}]} | sets[0].files.q must be a text, got 1",
        "{\"sets\": [{\"files\": {\"q\": \"../q.npy\"}}]} | must be the name of a file beside the manifest",
        "{\"sets\": [{\"files\": {\"q\": \"/etc/passwd\"}}]} | must be the name of a file beside the manifest",
        "{\"sets\": [{\"files\": {\"q\": \"..\"}}]} | must be the name of a file beside the manifest",
        "{\"sets\": [{\"name\": \"a\", \"heads\": 0, \"files\": {\"q\": \"q\", \"k\": \"k\", \"v\": \"v\"}}]} "
            + "| heads must be a whole number of at least 1, got 0",
        "{\"sets\": [{\"name\": \"a\", \"heads\": 1.5, \"files\": {\"q\": \"q\", \"k\": \"k\", \"v\": \"v\"}}]} "
            + "| heads must be a whole number of at least 1, got 1.5"})
    void badManifestsGiveOneLine(String manifest, String words) throws IOException {
        Files.writeString(folder.resolve("manifest.json"), manifest == null ? "" : manifest);
        String message = assertThrows(Failure.class, () -> Catalogue.of(folder)).getMessage();
        assertTrue(message.contains(words), message);
        Outcome.of("data", "--data-dir", folder.toString()).failsWith(1, "manifest.json");
    }

    @Test
    void aHugeOrDeepOrMissingManifestGivesOneLine() throws IOException {
        Outcome.of("data", "--data-dir", folder.toString()).failsWith(1, "no such file");
        Files.writeString(folder.resolve("manifest.json"), "[".repeat(1_000_000));
        Outcome.of("data", "--data-dir", folder.toString()).failsWith(1, "is not JSON");
        Files.write(folder.resolve("manifest.json"), new byte[5 << 20]);
        Outcome.of("data", "--data-dir", folder.toString()).failsWith(1, "a manifest has at most");
    }
}
