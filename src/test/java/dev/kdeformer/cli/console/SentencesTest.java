package dev.kdeformer.cli.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

class SentencesTest {
    @Test
    void exceptionsBecomeSentences() {
        assertEquals("no such file: a", Sentences.of(new NoSuchFileException("a")));
        assertEquals("a: gone", Sentences.of(new NoSuchFileException("a", null, "gone")));
        assertEquals("permission denied: a", Sentences.of(new AccessDeniedException("a")));
        assertEquals("broken", Sentences.of(new UncheckedIOException(new IOException("broken"))));
        assertEquals("input or output failed (IOException)", Sentences.of(new IOException()));
        assertEquals("not enough memory (Java heap space)", Sentences.of(new OutOfMemoryError("Java heap space")));
        assertEquals("interrupted", Sentences.of(new CancellationException("x")));
        assertEquals("n must be 1", Sentences.of(new IllegalArgumentException("n must be 1")));
        assertTrue(Sentences.of(new NullPointerException("x")).startsWith("internal error: "));
    }

    @Test
    void numbersHaveThreeDigits() {
        assertEquals("0", Sentences.digits(0));
        assertEquals("-", Sentences.digits(Double.NaN));
        assertEquals("0.000123", Sentences.digits(0.0001234));
        assertEquals("1.2e-05", Sentences.digits(0.0000123));
        assertEquals("-1.23", Sentences.digits(-1.234));
        assertEquals("12.3", Sentences.digits(12.34));
        assertEquals("12346", Sentences.digits(12345.6));
        assertEquals("259", Sentences.count(259));
        assertEquals("259.5", Sentences.count(259.46));
        assertEquals("1.50 KiB", Sentences.bytes(1536));
        assertEquals("0 bytes", Sentences.bytes(0));
        assertEquals("107 GFLOP", Sentences.operations(1.07e11));
    }

    @Test
    void textsStayOnOneLine() {
        assertEquals("a b ?c", Sentences.oneLine("a \r\n  b \u0007c"));
        assertEquals("", Sentences.oneLine(null));
        assertTrue(Sentences.oneLine("x".repeat(1 << 20)).length() < 1000);
    }
}
