package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;

/** What a command printed and returned. */
public record Outcome(int code, String out, String err) {
    /** Runs a command in this process. */
    public static Outcome of(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = Main.execute(new PrintWriter(out), new PrintWriter(err), args);
        return new Outcome(code, out.toString(), err.toString());
    }

    /** Expects success and silence on standard error. */
    public Outcome succeeds() {
        assertEquals("", err);
        assertEquals(0, code);
        return this;
    }

    /** Expects an exit code and one line on standard error that holds some words, and nothing else. */
    public Outcome failsWith(int expected, String words) {
        assertEquals("", out);
        assertTrue(err.endsWith(System.lineSeparator()), err);
        assertEquals(1, err.lines().count(), err);
        assertTrue(err.contains(words), "expected '" + words + "' in: " + err);
        assertTrue(err.startsWith("kdebench"), err);
        assertEquals(expected, code, err);
        return this;
    }

    /** Expects exit code 1 and one line on standard error that holds some words; a report may have been printed. */
    public Outcome failsFor(String words) {
        assertEquals(1, err.lines().count(), err);
        assertTrue(err.startsWith("kdebench") && err.contains(words), "expected '" + words + "' in: " + err);
        assertEquals(1, code, err);
        return this;
    }
}
