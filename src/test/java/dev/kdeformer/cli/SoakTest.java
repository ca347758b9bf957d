package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Engine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random calls for as long as {@code -Dsoak.minutes} says, a few seconds without it: each is replayed from its seed on
 * another engine, beside it or after it, some are interrupted first, and the first calls are replayed to the end. All
 * replays have to give the same bits, and memory, files and threads must not pile up. {@code -Dsoak.seed} chooses other
 * calls.
 */
class SoakTest {
    private static final int REMEMBERED = 300;
    private static final int CALLS_OF_ENGINES = 20;
    private static final int SAMPLES = 20;

    /** What may be added without being a leak: code and buffers of the JVM grow for a while. */
    private static final long SLACK_KIB = 150 << 10;
    private static final int SLACK_THREADS = 12;
    private static final int SLACK_FILES = 4;

    @TempDir
    private Path folder;
    private final SplittableRandom random = new SplittableRandom(Long.getLong("soak.seed", 20260101));
    private final List<Long> seeds = new ArrayList<>();
    private final List<RandomCall.Result> first = new ArrayList<>();
    private final Map<String, Integer> kinds = new TreeMap<>();
    private final List<Resources> samples = new ArrayList<>();
    private int calls;
    private int replays;
    private int interrupted;

    @Test
    void replaysGiveTheSameBitsAndNothingPilesUp() throws IOException {
        double minutes = Double.parseDouble(System.getProperty("soak.minutes", "0.06"));
        long start = System.nanoTime();
        double passed = 0;
        do {
            work();
            passed = (System.nanoTime() - start) / 6e10;
            if (Resources.areKnown() && passed >= minutes * (samples.size() + 1) / SAMPLES) {
                samples.add(Resources.now());
                if (minutes >= 1) {
                    System.out.printf("SoakTest: %.1f minutes, %d calls, %s%n", passed, calls,
                            samples.get(samples.size() - 1));
                }
            }
        } while (passed < minutes);
        System.out.printf("SoakTest: %.2f minutes, %d calls, %d replays, %d interrupts; %s%n", passed, calls, replays,
                interrupted, kinds);
        assertTrue(kinds.size() > 5 && replays > calls, "too little has happened: " + kinds);
        try (var left = Files.list(folder)) {
            assertEquals(List.of(), left.toList(), "files were left behind");
        }
        if (!samples.isEmpty()) {
            checkResources();
        }
    }

    /** Some calls on two new engines, which are closed at the end. */
    private void work() throws IOException {
        try (Engine one = Engine.create(1 + random.nextInt(3)); Engine other = Engine.create(1 + random.nextInt(3))) {
            for (int i = 0; i < CALLS_OF_ENGINES; i++) {
                long seed = random.nextLong();
                if (random.nextInt(8) == 0) {
                    interrupt(seed, one);
                }
                boolean together = random.nextInt(4) == 0;
                CompletableFuture<RandomCall.Result> beside = together
                        ? CompletableFuture.supplyAsync(() -> call(seed, one)) : null;
                RandomCall.Result result = call(seed, one);
                same(seed, result, together ? beside.join() : call(seed, other));
                kinds.merge(result.kind(), 1, Integer::sum);
                calls++;
                if (first.size() < REMEMBERED) {
                    seeds.add(seed);
                    first.add(result);
                }
                if (random.nextInt(4) == 0) {
                    int old = random.nextInt(first.size());
                    same(seeds.get(old), first.get(old), call(seeds.get(old), other));
                }
            }
        }
    }

    private RandomCall.Result call(long seed, Engine engine) {
        try {
            return RandomCall.run(seed, engine, folder);
        } catch (IOException | RuntimeException e) {
            throw new CompletionException("seed " + seed, e);
        }
    }

    private void same(long seed, RandomCall.Result expected, RandomCall.Result found) {
        assertEquals(expected, found, () -> "a replay of seed " + seed + " gave other bits");
        replays++;
    }

    /** A call that another thread interrupts at some moment; whether it was in time does not matter. */
    private void interrupt(long seed, Engine engine) {
        Thread caller = Thread.currentThread();
        long nanos = random.nextLong(TimeUnit.MILLISECONDS.toNanos(5));
        Thread interrupter = Thread.ofVirtual().start(() -> {
            LockSupport.parkNanos(nanos);
            caller.interrupt();
        });
        try {
            RandomCall.run(seed, engine, folder);
        } catch (CancellationException e) {
            interrupted++;
        } catch (IOException e) {
            // The interrupt closed the file's channel.
            interrupted++;
        }
        while (interrupter.isAlive()) {
            Thread.onSpinWait();
        }
        Thread.interrupted();
    }

    /** The least of the second half against the least of the first: the heap comes and goes, a leak only comes. */
    private void checkResources() {
        Resources end = samples.get(samples.size() - 1);
        System.out.println("SoakTest: at a tenth " + samples.get(samples.size() / 10) + "; at half time "
                + samples.get(samples.size() / 2) + "; at the end " + end);
        int half = samples.size() / 2;
        Resources before = Resources.least(samples.subList(0, Math.max(1, half)));
        Resources after = Resources.least(samples.subList(half, samples.size()));
        System.out.println("SoakTest: least of the first half " + before + "; of the second half " + after);
        assertEquals(0, end.engines(), "threads of closed engines");
        assertTrue(after.threads() <= before.threads() + SLACK_THREADS, "threads pile up");
        assertTrue(after.files() <= before.files() + SLACK_FILES, "open files pile up");
        assertTrue(after.resident() <= before.resident() + SLACK_KIB, "memory piles up");
    }
}
