package dev.kdeformer.cli.report;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;

/** Reports as JSON. */
public final class JsonReport {
    private JsonReport() {
    }

    /**
     * Nested maps and lists as indented JSON with a line break at the end.
     *
     * @throws UncheckedIOException never, since a string can be written
     */
    public static String text(Map<String, Object> report) {
        try {
            return JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT, JSON.Feature.WRITE_NULL_PROPERTIES)
                    .asString(report) + "\n";
        } catch (IOException e) {
            throw new UncheckedIOException(e); // writing to a string does not fail
        }
    }
}
