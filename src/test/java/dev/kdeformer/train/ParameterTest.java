package dev.kdeformer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

class ParameterTest {
    private static final int THREADS = 4;

    @Test
    void threadsThatAskAtTheSameTimeGetOneGradient() throws Exception {
        CyclicBarrier start = new CyclicBarrier(THREADS);
        try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
            for (int round = 0; round < 40; round++) {
                Parameter parameter = new Parameter("p", 1000, 500);
                List<Future<float[]>> asked = new ArrayList<>();
                for (int t = 0; t < THREADS; t++) {
                    asked.add(threads.submit(() -> {
                        start.await();
                        return parameter.gradient();
                    }));
                }
                for (Future<float[]> each : asked) {
                    assertSame(parameter.gradient(), each.get());
                }
                assertArrayEquals(new float[500_000], parameter.gradient());
            }
        }
    }
}
