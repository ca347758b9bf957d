package dev.kdeformer.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Fair timing of several computations in one process: each is warmed up, then they take turns, so that whatever the
 * machine does meanwhile meets all of them.
 */
final class Turns {
    private static final double PATIENCE_SECONDS = 3;
    private static final double SETTLED = 0.1;

    private Turns() {
    }

    /**
     * Times of one computation in milliseconds.
     *
     * @param medianMs the median
     * @param minMs    the shortest
     */
    record Times(double medianMs, double minMs) {
        private static Times of(double[] milliseconds) {
            double[] sorted = milliseconds.clone();
            Arrays.sort(sorted);
            int half = sorted.length / 2;
            double median = sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
            return new Times(median, sorted[0]);
        }
    }

    /**
     * Runs a computation for some time and until two times in a row agree within a tenth, but not again once three
     * seconds (or, if longer, the time asked for) are over.
     *
     * @param seconds how long to run it at least; 0 runs it once
     */
    static void warmUp(Runnable computation, double seconds) {
        long start = System.nanoTime();
        double last = milliseconds(computation);
        boolean settled = seconds == 0;
        while (!settled) {
            double now = milliseconds(computation);
            double spent = (System.nanoTime() - start) / 1e9;
            boolean agrees = Math.abs(now - last) <= SETTLED * Math.max(now, last);
            settled = spent >= seconds && (agrees || spent > PATIENCE_SECONDS);
            last = now;
        }
    }

    /**
     * Times warm computations in turns.
     *
     * @param repeat number of rounds, in each of which every computation runs once
     * @param before told the index of each computation before it runs
     * @return the times, in the order of the computations
     */
    static List<Times> take(List<? extends Runnable> computations, int repeat, IntConsumer before) {
        double[][] milliseconds = new double[computations.size()][repeat];
        for (int round = 0; round < repeat; round++) {
            for (int c = 0; c < computations.size(); c++) {
                before.accept(c);
                milliseconds[c][round] = milliseconds(computations.get(c));
            }
        }
        List<Times> times = new ArrayList<>();
        for (double[] each : milliseconds) {
            times.add(Times.of(each));
        }
        return times;
    }

    private static double milliseconds(Runnable computation) {
        long start = System.nanoTime();
        computation.run();
        return (System.nanoTime() - start) / 1e6;
    }
}
