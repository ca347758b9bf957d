package dev.kdeformer.cli.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.kdeformer.train.Classification;
import java.util.List;
import org.junit.jupiter.api.Test;

class ArenaReportTest {
    private static ArenaReport.Row row(String task, String method, long seed, double accuracy) {
        return new ArenaReport.Row(task, method, seed, 0, new Classification(accuracy, 0.5, 200, 1, 2, 1));
    }

    @Test
    void notesCompareMeansWithTheFirstMethodOfTheTaskBesideWhatChanceMakes() {
        ArenaReport report = new ArenaReport("", List.of(row("a", "exact", 1, 0.5), row("a", "exact", 2, 0.7),
                row("a", "pilot", 1, 0.7), row("a", "pilot", 2, 0.5), row("a", "hyper", 1, 0.5),
                row("a", "hyper", 2, 0.5), row("b", "exact", 1, 1), row("b", "pilot", 1, 1)));
        // 196 √(2 · 0.6 · 0.4 / 400) and 196 √((0.6 · 0.4 + 0.5 · 0.5) / 400)
        assertEquals(List.of("a, pilot: as accurate as exact (chance makes 6.8)",
                "a, hyper: 10.0 points less than exact (chance makes 6.9)",
                "b, pilot: as accurate as exact (chance makes 0.0)"), report.notes());
    }

    @Test
    void accuraciesStandBesideThatOfTheCommonestClass() {
        ArenaReport report = new ArenaReport("", List.of(row("a", "exact", 1, 0.75)));
        int guess = report.headers().indexOf("guess");
        assertEquals("50.0 %", report.cells().get(0).get(guess));
        assertEquals("75.0 %", report.cells().get(0).get(report.headers().indexOf("accuracy")));
    }
}
