package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.cli.input.Catalogue;
import dev.kdeformer.cli.input.DataSet;
import dev.kdeformer.cli.input.Picture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataCommandTest {
    @TempDir
    private Path folder;

    @Test
    void listsAllSetsAndPictures() {
        String out = Outcome.of("data").succeeds().out();
        Catalogue catalogue = Catalogue.embedded();
        Stream.concat(catalogue.sets().stream().map(DataSet::name), catalogue.pictures().stream().map(Picture::name))
                .forEach(name -> assertTrue(out.contains(" " + name + " "), name));
    }

    @Test
    void describesOne() {
        String out = Outcome.of("data", "ocr-svtr-4096.block1").succeeds().out();
        assertTrue(out.contains("2 heads, n = m = 4096, d = 15"), out);
        assertTrue(out.contains("PaddleOCR model Apache-2.0"), out);
        assertTrue(Outcome.of("data", "camera").succeeds().out().contains("512 x 512, grey"));
    }

    @Test
    void writesFilesThatRunTakes() throws IOException {
        Path target = folder.resolve("a/b");
        String out = Outcome.of("data", "minilm-512.layer0", "-o", target.toString()).succeeds().out();
        try (Stream<Path> files = Files.list(target)) {
            assertEquals(List.of("minilm-512.layer0.k.npy", "minilm-512.layer0.q.npy", "minilm-512.layer0.v.npy"),
                    files.map(file -> file.getFileName().toString()).sorted().toList());
        }
        String use = out.lines().filter(line -> line.startsWith("use: kdebench ")).findFirst().orElseThrow();
        String table = Outcome.of((use.substring("use: kdebench ".length())
                + " --n 64 --warm-up 0 --repeat 1 --method exact").split(" ")).succeeds().out();
        assertTrue(table.contains("4 heads, n = m = 64, d = 32, scale 0.177"), table);
    }

    @Test
    void writesPicturesAsTheyAre() throws IOException {
        Outcome.of("data", "camera", "-o", folder.toString()).succeeds();
        assertArrayEquals(Catalogue.embedded().bytes("camera.png"), Files.readAllBytes(folder.resolve("camera.png")));
    }

    @Test
    void setsOfAFolderComeFirst() throws IOException {
        String set = """
                {"name": "%s", "files": {"q": "a", "k": "a", "v": "a"}, "heads": 7, "n": 9, "d": 5, "dv": 3,
                 "scale": 1, "causal": false}""";
        Files.writeString(folder.resolve("manifest.json"),
                "{\"sets\": [" + set.formatted("mine") + "," + set.formatted("glove-16384") + "]}");
        String out = Outcome.of("data", "--data-dir", folder.toString()).succeeds().out();
        List<String> names = out.lines().filter(line -> line.matches(" [a-z]\\S+ +\\|.*"))
                .map(line -> line.strip().split(" ")[0]).toList();
        assertEquals(List.of("set", "mine", "glove-16384", "minilm-512.layer2"), names.subList(0, 4));
        assertEquals(1, names.stream().filter("glove-16384"::equals).count());
        assertTrue(Outcome.of("data", "glove-16384", "--data-dir", folder.toString()).succeeds().out()
                .contains("7 heads"));
        Outcome.of("data", "mine", "--data-dir", folder.toString(), "-o", folder.resolve("new").toString())
                .failsWith(1, "no such file");
    }

    @Test
    void aFolderThatIsAFileGivesOneLine() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "content");
        Outcome.of("data", "camera", "-o", file.toString()).failsWith(1, "file");
        assertEquals("content", Files.readString(file));
    }
}
