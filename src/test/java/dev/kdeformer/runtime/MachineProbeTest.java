package dev.kdeformer.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class MachineProbeTest {
    @Test
    void measuresSomethingOnOneAndOnSeveralThreads() {
        assertEquals(0, MachineProbe.vectorBits() % 32);
        assertTrue(MachineProbe.peakGflops(1) > 0.01);
        assertTrue(MachineProbe.readGigabytes(3) > 0.01);
    }

    @Test
    void needsAThread() {
        assertThrows(IllegalArgumentException.class, () -> MachineProbe.peakGflops(0));
        assertThrows(IllegalArgumentException.class, () -> MachineProbe.readGigabytes(-1));
    }

    @Test
    void anInterruptEndsItAndStaysSet() {
        Thread.currentThread().interrupt();
        assertThrows(IllegalStateException.class, () -> MachineProbe.peakGflops(2));
        assertTrue(Thread.interrupted());
        assertFalse(Thread.currentThread().isInterrupted());
    }
}
