package dev.kdeformer.cli.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.cli.report.Times;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class TurnsTest {
    @Test
    void computationsTakeTurns() {
        StringBuilder order = new StringBuilder();
        List<Runnable> computations = List.of(() -> order.append('a'), () -> order.append('b'));
        List<Times> times = Turns.take(computations, 3, index -> order.append(index));
        assertEquals("0a1b0a1b0a1b", order.toString());
        assertEquals(2, times.size());
    }

    @Test
    void shortCallsHaveMoreRounds() {
        AtomicInteger calls = new AtomicInteger();
        Turns.take(List.of(calls::incrementAndGet), new Rounds(2, 5), index -> { });
        assertEquals(5, calls.get());
        calls.set(0);
        Turns.take(List.of(() -> sleep(600), calls::incrementAndGet), new Rounds(2, 5), index -> { });
        assertEquals(2, calls.get(), "two rounds take more than a second");
    }

    @Test
    void theMedianLiesBetweenMinimumAndMaximum() {
        AtomicInteger call = new AtomicInteger();
        // 1, 41, 21, 61 ms at least: the minimum is the first, the median the mean of the first and third middle
        int[] millis = {1, 41, 21, 61};
        Times times = Turns.take(List.of(() -> sleep(millis[call.getAndIncrement()])), 4, index -> { }).get(0);
        assertTrue(times.minMs() >= 1 && times.minMs() < times.medianMs(), times.toString());
        assertTrue(times.medianMs() >= 31, times.toString());
    }

    @Test
    void warmUpRunsOnceOrForSomeTime() {
        AtomicInteger runs = new AtomicInteger();
        Turns.warmUp(runs::incrementAndGet, 0);
        assertEquals(1, runs.get());
        long start = System.nanoTime();
        Turns.warmUp(() -> {
            runs.incrementAndGet();
            sleep(5);
        }, 0.05);
        assertTrue(System.nanoTime() - start >= 50_000_000L);
        assertTrue(runs.get() >= 3, runs.toString());
    }

    @Test
    void warmUpGoesOnWhileCallsGetFaster() {
        AtomicInteger calls = new AtomicInteger();
        AtomicLong clock = new AtomicLong();
        // 70, 60, ..., 20, 10, 10, ... ms: each call up to the seventh grants 80 ms more, enough for eight calls
        Turns.warmUp(() -> clock.addAndGet(Math.max(10, 70 - 10 * calls.getAndIncrement()) * 1_000_000L), 0.08,
                clock::get, () -> 0);
        assertEquals(7 + 8, calls.get());
        calls.set(0);
        Turns.warmUp(() -> clock.addAndGet(1_000_000_000_000L / calls.incrementAndGet()), 0.08, clock::get, () -> 0);
        assertEquals(1, calls.get(), "a single call took longer than anybody waits");
    }

    @Test
    void warmUpGoesOnWhileCodeIsCompiled() {
        AtomicInteger calls = new AtomicInteger();
        AtomicLong clock = new AtomicLong();
        // calls of 10 ms; the compiler ends something during each of the first five
        Turns.warmUp(() -> {
            calls.incrementAndGet();
            clock.addAndGet(10_000_000L);
        }, 0.08, clock::get, () -> Math.min(5, calls.get()));
        assertEquals(5 + 8, calls.get());
    }

    private static void sleep(int millis) {
        long end = System.nanoTime() + millis * 1_000_000L;
        while (System.nanoTime() < end) {
            LockSupport.parkNanos(end - System.nanoTime());
        }
    }
}
