package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.Machine;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class InfoCommandTest {
    @Test
    void showsFactsAndMeasuresRates() throws IOException {
        Map<String, Object> facts = JSON.std.mapFrom(Outcome.of("info", "--json").succeeds().out());
        assertEquals(List.of("kdebench", "jdk", "vm", "os", "arch", "cpu", "cores", "vectorBits", "peakGflopsOneCore",
                "readGigabytesPerSecondOneCore", "peakGflops", "readGigabytesPerSecond"), List.copyOf(facts.keySet()));
        assertTrue(((Number) facts.get("peakGflopsOneCore")).doubleValue() > 0.01);
        assertTrue(((Number) facts.get("readGigabytesPerSecond")).doubleValue() > 0.01);
        assertTrue((int) facts.get("cores") >= 1);
    }

    @Test
    void printsTheFacts() {
        String out = Outcome.of("info").succeeds().out();
        for (String name : List.of("JDK", "processor", "cores", "vectors", "FMA peak", "memory read")) {
            assertTrue(out.lines().anyMatch(line -> line.startsWith(name + " ")), out);
        }
        assertTrue(out.contains(" GFLOP/s one core, "), out);
        assertTrue(out.contains(" GB/s all cores"), out);
    }

    @Test
    void knowsWhatTheMachineCannotHold() {
        Machine.requireMemory(1 << 20, "this");
        String message = assertThrows(Failure.class, () -> Machine.requireMemory(1L << 60, "this")).getMessage();
        assertTrue(message.startsWith("not enough memory: this needs about 1024 PiB, this machine has "), message);
    }
}
