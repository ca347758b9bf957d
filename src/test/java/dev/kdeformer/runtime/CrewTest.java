package dev.kdeformer.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class CrewTest {
    private static final int THREADS = 3;

    private final ExecutorService executor = Executors.newFixedThreadPool(THREADS - 1);
    private final Crew crew = new Crew(THREADS, executor);

    @AfterEach
    void close() {
        executor.shutdownNow();
        crew.close();
    }

    @Test
    void everyIndexOfEveryPartIsRunOnce() {
        for (int parts : new int[] {1, 2, 3, 4, 7, 30}) {
            AtomicIntegerArray runs = new AtomicIntegerArray(parts * 100);
            crew.deal(parts, 1, (part, team) -> {
                for (int from = 0; from < 100; from += 20) {
                    int first = part * 100 + from;
                    team.forEach(20, (index, scratch) -> runs.incrementAndGet(first + index));
                }
            });
            for (int i = 0; i < runs.length(); i++) {
                assertEquals(1, runs.get(i), "runs of index " + i + " of " + parts + " parts");
            }
        }
    }

    /** Two threads have nothing else to do but what the part of the third opens. */
    @ParameterizedTest
    @ValueSource(ints = {1, THREADS})
    void threadsWithoutPartsHelpWithTheLast(int parts) {
        CountDownLatch together = new CountDownLatch(THREADS);
        crew.deal(parts, 1, (part, team) -> {
            if (part == parts / 2) {
                team.forEach(THREADS, (index, scratch) -> {
                    together.countDown();
                    await(together);
                });
            }
        });
        assertEquals(0, together.getCount());
    }

    @Test
    void memoryOfTasksIsReleased() {
        crew.deal(5, 1, (part, team) -> {
            long mark = team.scratch().mark();
            long own = team.scratch().ints(new int[] {part}, 0, 1);
            team.forEach(40, (index, scratch) -> {
                long mine = scratch.ints(new int[] {index}, 0, 1);
                assertEquals(index, Memory.getInt(mine));
            });
            assertEquals(part, Memory.getInt(own));
            team.scratch().release(mark);
        });
        assertEquals(0, crew.scratch().mark());
    }

    @Test
    void failureOfATaskEndsAllParts() {
        IllegalStateException failure = new IllegalStateException("made to fail");
        // The others end because of the failure, with one of their own that must not hide it.
        for (int round = 0; round < 600; round++) {
            int failing = round % 6;
            Throwable thrown = assertThrows(RuntimeException.class, () -> crew.deal(6, 1, (part, team) ->
                    team.forEach(50, (index, scratch) -> {
                        if (part == failing && index == 25) {
                            throw failure;
                        }
                        team.check();
                    })));
            assertSame(failure, thrown);
            crew.reset();
        }
    }

    @Test
    void interruptedLeaderEndsTheCall() {
        Thread leader = Thread.currentThread();
        assertThrows(CancellationException.class, () -> crew.deal(THREADS, 1, (part, team) -> {
            while (Thread.currentThread() != leader) {
                leader.interrupt();
                team.check();
            }
            while (true) {
                team.check();
            }
        }));
        assertTrue(Thread.interrupted());
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
