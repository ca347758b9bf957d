package dev.kdeformer.cli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.kdeformer.cli.Outcome;
import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.measure.Certificate;
import dev.kdeformer.measure.ErrorMeasures;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.measure.Interval;
import dev.kdeformer.reference.TestInputs;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;

class ReportTest {
    @TempDir
    private Path folder;

    private static Report.Run run(String method, double evaluations, double ms, double speedup, double error) {
        Map<String, Object> parameters = new LinkedHashMap<>();
        parameters.put("blockSize", 256);
        parameters.put("shift", 0.1f);
        parameters.put("rule", "a,\"b\"");
        return new Report.Run(new Report.Setting(method, parameters, 2, 7),
                new Report.Spent(evaluations, 9, new Times(ms, ms / 2), speedup),
                new ErrorReport(1, 2, List.of(new ErrorMeasures(error, 2 * error, 3 * error, 4 * error, 0, error,
                        error), new ErrorMeasures(3 * error, error, error, error, 0, 0, error))),
                new Certificate(64, 0.95, new Interval(error, error / 2, Double.POSITIVE_INFINITY),
                        new Interval(1, 1, 1), 1, List.of()), "");
    }

    private static Report report() {
        return new Report(new NamedInput("a \"name\", quoted", "about", 3,
                TestInputs.of(1).normal(1, 2, 1, 8, 9, 3, 4).withScale(0.1f)),
                List.of(run("exact", 9, 20, 1, 0), run("x", 4, 5, 4, 0.125), run("x", 8, 10, 2, 0.0625),
                        new Report.Run(new Report.Setting("y", Map.of(), 2, 7),
                                new Report.Spent(2.5, 9, new Times(4, 4), Double.NaN), null, null,
                                "took the short way")));
    }

    @Test
    void theJsonHasTheAgreedKeysAndNullForWhatIsNoNumber() throws IOException {
        Map<String, Object> map = JSON.std.mapFrom(JsonReport.text(report().toMap()));
        assertEquals(List.of("machine", "input", "runs"), List.copyOf(map.keySet()));
        Map<?, ?> input = (Map<?, ?>) map.get("input");
        assertEquals(List.of("name", "batch", "heads", "kvHeads", "n", "m", "d", "dv", "scale", "causal", "window"),
                List.copyOf(input.keySet()));
        assertEquals(Arrays.asList("a \"name\", quoted", 1, 2, 1, 8, 9, 3, 4, 0.1, false, null),
                new ArrayList<>(input.values()));
        List<?> runs = (List<?>) map.get("runs");
        Map<?, ?> x = (Map<?, ?>) runs.get(1);
        assertEquals(List.of("method", "parameters", "evaluations", "threads", "seed", "medianMs", "minMs", "speedup",
                "cost", "error", "certificate", "note"), List.copyOf(x.keySet()));
        assertEquals("x", x.get("method"));
        assertEquals(Map.of("blockSize", 256, "shift", 0.1, "rule", "a,\"b\""), x.get("parameters"));
        assertEquals(List.of(4, 2, 7, 5, 2.5, 4, 2.25),
                Stream.of("evaluations", "threads", "seed", "medianMs", "minMs", "speedup", "cost").map(x::get)
                        .toList());
        Map<?, ?> error = (Map<?, ?>) x.get("error");
        assertEquals(List.of("spectral", "spectralCentred", "frobeniusCentred", "maxRow", "row50", "row99", "row999"),
                List.copyOf(error.keySet()));
        assertEquals(Map.of("mean", 0.0625, "max", 0.125), error.get("row99"));
        assertEquals(Map.of("mean", 0.25, "max", 0.375), error.get("spectral"));
        assertEquals(Map.of("mean", 0.3125, "max", 0.5), error.get("maxRow"));
        Map<?, ?> certificate = (Map<?, ?>) x.get("certificate");
        assertEquals(List.of("rows", "estimate", "low", "high", "confidence"), List.copyOf(certificate.keySet()));
        assertEquals(64, certificate.get("rows"));
        assertNull(certificate.get("high"));
        Map<?, ?> y = (Map<?, ?>) runs.get(3);
        assertTrue(y.containsKey("error") && y.containsKey("certificate") && y.containsKey("speedup"));
        assertNull(y.get("error"));
        assertNull(y.get("certificate"));
        assertNull(y.get("speedup"));
        assertNull(y.get("cost"));
        assertEquals(2.5, y.get("evaluations"));
    }

    @Test
    void theCsvHasALineForEachRunAndQuotesWhatItMust() {
        List<String> lines = report().csv().lines().toList();
        assertEquals(5, lines.size());
        assertEquals("input,n,m,method,parameters,evaluations,threads,seed,medianMs,minMs,speedup,cost,"
                + "spectralMean,spectralMax,spectralCentredMean,spectralCentredMax,frobeniusCentredMean,"
                + "frobeniusCentredMax,maxRowMean,maxRowMax,row50Mean,row50Max,"
                + "row99Mean,row99Max,row999Mean,row999Max,"
                + "certificateRows,certificateEstimate,certificateLow,certificateHigh,certificateConfidence,note",
                lines.get(0));
        assertEquals("\"a \"\"name\"\", quoted\",8,9,x,\"blockSize=256 shift=0.1 rule=a,\"\"b\"\"\",4,2,7,5,2.5,4,2.25,"
                + "0.25,0.375,0.1875,0.25,0.25,0.375,0.3125,0.5,0,0,0.0625,0.125,0.125,0.125,64,0.125,0.0625,,0.95,",
                lines.get(2));
        assertEquals("\"a \"\"name\"\", quoted\",8,9,y,,2.5,2,7,4,4,,,,,,,,,,,,,,,,,,,,,,took the short way",
                lines.get(4));
    }

    @Test
    void theTextsHaveARowForEachRun() {
        String terminal = report().forTerminal();
        assertTrue(terminal.contains("a \"name\", quoted: 2 heads (1 of keys), n = 8, m = 9, d = 3, d_v = 4"),
                terminal);
        assertTrue(terminal.contains("certified (95 %)"), terminal);
        assertTrue(terminal.contains(" 0.125 [0.0625, -]"), terminal);
        assertTrue(terminal.contains("\ny: took the short way\n"), terminal);
        assertTrue(terminal.chars().allMatch(c -> c == '\n' || c >= ' ' && c < 127), terminal);
        String markdown = report().markdown();
        List<String> rows = markdown.lines().filter(line -> line.startsWith("|")).toList();
        assertEquals(6, rows.size());
        assertTrue(rows.get(3).startsWith("| x | 4 | 2.3 | 5.00 | 2.50 | 4.00x | 0.250 / 0.375 |"), rows.get(3));
    }

    @Test
    void plotsAreWholePictures() throws Exception {
        Path png = folder.resolve("p.png");
        PlotFile.write(png, PlotReport.panels(report()));
        BufferedImage image = ImageIO.read(png.toFile());
        assertTrue(image.getWidth() > 2000 && image.getHeight() > 900);
        int coloured = 0;
        for (int i = 0; i < image.getWidth() * image.getHeight(); i++) {
            coloured += (image.getRGB(i % image.getWidth(), i / image.getWidth()) & 0xffffff) == 0x0072B2 ? 1 : 0;
        }
        assertTrue(coloured > 1000, "points of the first method: " + coloured);

        Path svg = folder.resolve("p.svg");
        PlotFile.write(svg, PlotReport.panels(report()));
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
        assertTrue(Files.size(svg) < 60_000, "bytes of the SVG: " + Files.size(svg));
        Element root = factory.newDocumentBuilder().parse(svg.toFile()).getDocumentElement();
        assertEquals("svg", root.getTagName());
        assertTrue(root.getElementsByTagName("path").getLength() + root.getElementsByTagName("use").getLength() > 20);
    }

    @Test
    void aPlotWithoutErrorsIsRefused() {
        Report nothing = new Report(report().input(), report().runs().subList(0, 1));
        Path png = folder.resolve("p.png");
        String message = assertThrows(Failure.class,
                () -> PlotFile.write(png, PlotReport.panels(nothing))).getMessage();
        assertTrue(message.endsWith("nothing to plot, no run has a measured error above 0"), message);
        assertFalse(Files.exists(png));
    }

    @Test
    void compareWritesEveryForm() throws IOException {
        Outcome outcome = Outcome.of("compare", "--methods", "mean,exact", "--data", "minilm-512.layer0", "--n", "48",
                "--repeat", "2", "--warm-up", "0", "--json", folder + "/r.json", "--csv", folder + "/r.csv",
                "--markdown", folder + "/r.md", "--plot", folder + "/r.svg").succeeds();
        assertTrue(outcome.out().contains(" mean "), outcome.out());
        Map<String, Object> map = JSON.std.mapFrom(Files.readString(folder.resolve("r.json")));
        assertEquals(List.of("exact", "mean"), ((List<?>) map.get("runs")).stream()
                .<Object>map(run -> ((Map<?, ?>) run).get("method")).toList());
        assertEquals(3, Files.readAllLines(folder.resolve("r.csv")).size());
        assertTrue(Files.readString(folder.resolve("r.md")).contains("| mean | "));
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(4, files.count());
        }
    }

    @Test
    void oneFormMayTakeStandardOutput() throws IOException {
        String[] run = {"run", "--data", "minilm-512.layer0", "--n", "32", "--method", "mean", "--repeat", "1",
            "--warm-up", "0"};
        for (String option : List.of("--json", "--json=-")) {
            String[] args = Stream.concat(Stream.of(run), Stream.of(option)).toArray(String[]::new);
            assertEquals(3, JSON.std.mapFrom(Outcome.of(args).succeeds().out()).size());
        }
        String[] csv = Stream.concat(Stream.of(run), Stream.of("--csv")).toArray(String[]::new);
        assertTrue(Outcome.of(csv).succeeds().out().startsWith("input,n,m,method,"));
    }

    @Test
    void narrowTerminalsGetNarrowTables() {
        Table numbers = Table.ofNumbers("method", "evaluations", "median ms").row("x", "12", "3.5").row("y", "1", "2");
        assertTrue(numbers.forTerminal(OptionalInt.empty()).contains("|"));
        assertEquals("method      x\nevaluations 12\nmedian ms   3.5\n\nmethod      y\nevaluations 1\nmedian ms   2\n",
                numbers.forTerminal(OptionalInt.of(20)));
        Table texts = Table.ofTexts(List.of("a", "b")).row("one two three four five", "six seven eight nine ten");
        assertTrue(texts.forTerminal(OptionalInt.of(40)).lines().allMatch(line -> line.length() <= 40));
    }

    @Test
    void nothingInANameReachesTheTerminal() {
        Report report = new Report(new NamedInput("a\u001b]0;b\u0007\u009b", "", 3,
                TestInputs.of(1).normal(1, 1, 1, 4, 4, 3, 3)), List.of(run("x\u001b[31m", 4, 5, 4, 0.125)));
        assertTrue(report.forTerminal().chars().allMatch(c -> c == '\n' || c >= ' ' && c < 127), report.forTerminal());
    }
}
