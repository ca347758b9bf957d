package dev.kdeformer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** One engine in many threads and many engines at once give the bits of a serial run, whatever else goes on. */
class SharedEngineTest {
    private static final int CALLERS = 6;
    private static final int CALLS = 30;

    private final List<AttentionInput> inputs = new ArrayList<>();
    private final List<AttentionMethod> methods = List.of(Attention.exact().build(), Attention.mean().build(),
            Attention.uniform().samples(16).seed(3).build(), Attention.pilot().near(32).seed(5).build(),
            Attention.auto().build());
    private final List<float[]> serial = new ArrayList<>();
    private final ExecutorService callers = Executors.newFixedThreadPool(CALLERS);

    @BeforeEach
    void serially() {
        TestInputs make = TestInputs.of(11);
        AttentionInput grouped = make.normal(1, 4, 2, 150, 190, 16, 9);
        inputs.add(grouped);
        inputs.add(make.strided(grouped));
        inputs.add(make.normal(2, 1, 1, 1, 300, 33, 40));
        inputs.add(make.normal(1, 1, 1, 400, 7, 3, 5));
        try (Engine engine = Engine.create(1)) {
            for (int i = 0; i < inputs.size() * methods.size(); i++) {
                serial.add(outcome(engine, i));
            }
        }
    }

    @AfterEach
    void endCallers() throws InterruptedException {
        callers.shutdownNow();
        assertTrue(callers.awaitTermination(60, TimeUnit.SECONDS));
    }

    private float[] outcome(Engine engine, int index) {
        AttentionInput input = inputs.get(index / methods.size());
        try (Arena arena = Arena.ofShared()) {
            Tensor output = Tensor.allocate(arena, input.outputShape());
            methods.get(index % methods.size()).apply(engine, input, output);
            return output.toArray();
        }
    }

    private List<Future<Integer>> start(Callable<Integer> caller) {
        List<Future<Integer>> running = new ArrayList<>();
        for (int i = 0; i < CALLERS; i++) {
            running.add(callers.submit(caller));
        }
        return running;
    }

    private static int sum(List<Future<Integer>> running) throws InterruptedException {
        int sum = 0;
        for (Future<Integer> each : running) {
            try {
                sum += each.get();
            } catch (ExecutionException e) {
                throw new AssertionError(e.getCause());
            }
        }
        return sum;
    }

    private int same(Engine engine, SplittableRandom random) {
        int index = random.nextInt(serial.size());
        assertArrayEquals(serial.get(index), outcome(engine, index), methods.get(index % methods.size()).name());
        return 1;
    }

    @Test
    void oneEngineInManyThreads() throws InterruptedException {
        SplittableRandom seeds = new SplittableRandom(1);
        try (Engine engine = Engine.create(3)) {
            int done = sum(start(() -> {
                SplittableRandom random = fork(seeds);
                int count = 0;
                for (int i = 0; i < CALLS; i++) {
                    count += same(engine, random);
                }
                return count;
            }));
            assertEquals(CALLERS * CALLS, done);
            System.out.println("SharedEngineTest: " + done + " calls of one engine from " + CALLERS + " threads");
        }
    }

    @Test
    void manyEnginesAtOnce() throws InterruptedException {
        SplittableRandom seeds = new SplittableRandom(2);
        int done = sum(start(() -> {
            SplittableRandom random = fork(seeds);
            int count = 0;
            for (int i = 0; i < CALLS / 5; i++) {
                try (Engine engine = Engine.create(1 + random.nextInt(4))) {
                    for (int j = 0; j < 3; j++) {
                        count += same(engine, random);
                    }
                }
            }
            return count;
        }));
        assertEquals(CALLERS * (CALLS / 5) * 3, done);
        System.out.println("SharedEngineTest: " + done + " calls of " + done / 3 + " engines");
    }

    @Test
    void interruptsAndCloseEndCallsAndSpoilNoOther() throws InterruptedException {
        SplittableRandom seeds = new SplittableRandom(3);
        AtomicInteger cancelled = new AtomicInteger();
        AtomicInteger closed = new AtomicInteger();
        int right = 0;
        for (int round = 0; round < 8; round++) {
            Engine engine = Engine.create(1 + round % 3);
            AtomicInteger calls = new AtomicInteger();
            List<Future<Integer>> running = start(() -> {
                SplittableRandom random = fork(seeds);
                int count = 0;
                while (true) {
                    if (random.nextInt(4) == 0) {
                        Thread.currentThread().interrupt();
                    }
                    try {
                        count += same(engine, random);
                    } catch (CancellationException e) {
                        assertTrue(Thread.currentThread().isInterrupted(), "the interrupt was lost");
                        cancelled.incrementAndGet();
                    } catch (IllegalStateException e) {
                        assertEquals("the engine is closed", e.getMessage());
                        closed.incrementAndGet();
                        return count;
                    } finally {
                        Thread.interrupted();
                        calls.incrementAndGet();
                    }
                }
            });
            while (calls.get() < 3 * CALLERS) {
                Thread.onSpinWait();
            }
            engine.close();
            right += sum(running);
        }
        System.out.println("SharedEngineTest: " + right + " calls right beside " + cancelled + " interrupted and "
                + closed + " refused by a closed engine");
        assertEquals(8 * CALLERS, closed.get());
        assertTrue(cancelled.get() > 0 && right > 0, cancelled + " and " + right);
    }

    private static SplittableRandom fork(SplittableRandom seeds) {
        synchronized (seeds) {
            return seeds.split();
        }
    }
}
