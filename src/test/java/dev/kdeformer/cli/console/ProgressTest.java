package dev.kdeformer.cli.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ProgressTest {
    @Test
    void showsAndErasesOneLine() throws InterruptedException {
        StringWriter text = new StringWriter();
        CountDownLatch asked = new CountDownLatch(2);
        try (Progress progress = new Progress(new PrintWriter(text), true, () -> {
            asked.countDown();
            return 0.254;
        }, 0)) {
            progress.stage("timing exact");
            assertTrue(asked.await(30, TimeUnit.SECONDS));
        }
        String shown = text.toString();
        assertTrue(shown.contains("\rtiming exact: 25 %"), shown);
        assertTrue(shown.endsWith("\r" + " ".repeat("timing exact: 25 %".length()) + "\r"), shown);
    }

    @Test
    void isSilentForShortWorkAndWhereNobodyWatches() {
        StringWriter text = new StringWriter();
        new Progress(new PrintWriter(text), true, () -> 0, 60_000).close();
        try (Progress progress = new Progress(new PrintWriter(text), false, () -> 0, 0)) {
            progress.stage("x");
        }
        assertEquals("", text.toString());
    }
}
