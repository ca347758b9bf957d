package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.MethodEntry;
import dev.kdeformer.cli.paper.PaperBench;
import dev.kdeformer.cli.paper.PaperPage;
import dev.kdeformer.cli.paper.PaperPlan;
import dev.kdeformer.cli.paper.PaperRow;
import dev.kdeformer.cli.training.ArenaReport;
import dev.kdeformer.reference.TestInputs;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

class PaperCommandTest {
    /** A command of path data with as many numbers as it takes. */
    private static final String COMMAND = "[ml]N ?N|qN ?N ?N ?N|cN ?N ?N ?N ?N ?N|z".replace("N",
            "-?(?:\\d+(?:\\.\\d)?|\\.\\d)");

    private static final ArenaReport NO_TRAINING = new ArenaReport("none", List.of());

    @TempDir
    private Path folder;

    @Test
    void writesAPageWithItsFigures() throws Exception {
        Path out = folder.resolve("paper");
        Outcome.of("paper", "--quick", "--out", out.toString(), "--methods", "exact,kdeformer,mean", "--threads", "1")
                .succeeds();
        Map<String, Object> json = JSON.std.mapFrom(Files.readAllBytes(out.resolve("paper.json")));
        List<?> rows = (List<?>) json.get("rows");
        Set<Object> experiments = new HashSet<>();
        for (Object each : rows) {
            Map<?, ?> row = (Map<?, ?>) each;
            experiments.add(row.get("experiment"));
            assertEquals(row.get("method").equals("kdeformer") ? 2 : 1, row.get("seeds"), row.toString());
            assertNotNull(row.get("scratchBytes"), row.toString());
            assertNotNull(row.get("heapBytes"), row.toString());
            assertTrue(((Number) row.get("medianMs")).doubleValue() > 0, row.toString());
            if (row.get("method").equals("exact")) {
                assertEquals(0, ((Number) row.get("spectralMax")).doubleValue(), 1e-6);
            }
        }
        assertEquals(Set.of("length", "features", "shapes", "sets"), experiments);
        assertEquals(rows.size() + 1, Files.readAllLines(out.resolve("paper.csv")).size());
        List<?> trainings = (List<?>) ((Map<?, ?>) json.get("training")).get("rows");
        assertEquals(List.of("exact", "kdeformer"),
                trainings.stream().map(each -> ((Map<?, ?>) each).get("method")).toList());
        checkPage(Files.readString(out.resolve("index.html")), rows.size() + trainings.size());
    }

    /** The page is well-formed, refers to nothing outside and to nothing twice, and has all rows. */
    private static void checkPage(String page, int rows) throws Exception {
        String xml = page.replace("<!DOCTYPE html>", "").replace("<meta charset=\"utf-8\">", "");
        NodeList all = DocumentBuilderFactory.newInstance().newDocumentBuilder()
                .parse(new ByteArrayInputStream(xml.getBytes(StandardCharsets.UTF_8))).getElementsByTagName("*");
        Set<String> names = new HashSet<>();
        int pictures = 0;
        int tableRows = 0;
        for (int i = 0; i < all.getLength(); i++) {
            Element element = (Element) all.item(i);
            String id = element.getAttribute("id");
            assertTrue(id.isEmpty() || names.add(id), id);
            assertFalse(element.hasAttribute("src") || element.hasAttribute("href"), element.getTagName());
            assertEquals("", element.getAttribute("d").replaceAll(COMMAND, ""));
            pictures += element.getTagName().equals("svg") ? 1 : 0;
            tableRows += element.getTagName().equals("tr") ? 1 : 0;
        }
        assertEquals(2, pictures);
        assertEquals(rows + 5, tableRows);
    }

    @Test
    void aMethodThatCannotDoAnInputIsSaidSo() throws IOException {
        List<MethodEntry<?>> methods = new ArrayList<>();
        methods.add(new MethodEntry<>("picky", "", "", Object::new, builder -> {
            throw new IllegalArgumentException("takes no <masks>");
        }));
        NamedInput input = new NamedInput("tiny", "", 4, TestInputs.of(1).normal(1, 1, 1, 8, 8, 3, 3));
        List<PaperRow> rows;
        try (Progress progress = new Progress(null, false, () -> 0)) {
            rows = new PaperBench(() -> Engine.create(1), methods, 1, 2, 0)
                    .run(PaperPage.SETS, input, List.of(4), progress);
        }
        assertEquals(List.of("exact", "picky"), rows.stream().map(row -> row.setting().method()).toList());
        assertEquals("method picky: takes no <masks>", rows.get(1).problem());
        String page = new PaperPage(rows, NO_TRAINING, PaperPlan.quick(), 2, 1, true).text();
        assertTrue(page.contains("not run: method picky: takes no &lt;masks&gt;"), page);
    }

    @Test
    void theAuthorsFiguresStandBesideThoseOfTheirData() throws IOException {
        String page = new PaperPage(List.of(), NO_TRAINING, PaperPlan.full(), 5, 1, false).text();
        assertEquals(2 + 1, page.split("KDEformer, the authors").length);
        String quick = new PaperPage(List.of(), NO_TRAINING, PaperPlan.quick(), 5, 1, true).text();
        assertFalse(quick.contains("KDEformer, the authors"), quick);
    }

    @Test
    void spreadsAreThoseOfASample() {
        PaperRow.Spread spread = PaperRow.Spread.of(1, 2, 6);
        assertEquals(new PaperRow.Spread(3, Math.sqrt(7), 1, 6), spread);
        assertEquals(new PaperRow.Spread(2, 0, 2, 2), PaperRow.Spread.of(2));
    }

    @Test
    void wrongCallsGiveOneLine() {
        Outcome.of("paper").failsWith(2, "--out");
        Outcome.of("paper", "--out", folder + "/p", "--seeds", "0").failsWith(2, "--seeds must be between 1 and 1000");
        Outcome.of("paper", "--out", folder + "/p", "--methods", "none").failsWith(2, "there is no method 'none'");
        Outcome.of("paper", "--out", folder + "/a/b").failsWith(1, "its folder does not exist");
    }
}
