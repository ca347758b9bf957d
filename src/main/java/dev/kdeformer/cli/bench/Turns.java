package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.report.Times;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.function.LongSupplier;

/**
 * Fair timing of several computations in one process: each is warmed up, then they take turns, so that whatever the
 * machine does meanwhile meets all of them.
 */
public final class Turns {
    /** How long nothing must have changed where nothing else is asked for. */
    public static final double STILL_SECONDS = 1;

    private static final double PATIENCE_SECONDS = 10;
    /** A call below this part of the best time before is progress and not chance. */
    private static final double FASTER = 0.95;

    private Turns() {
    }

    /**
     * Runs a computation until for some time no call has been faster than those before and the compiler has finished
     * nothing. Code that is compiled step by step gets faster for seconds on a busy machine: two times in a row that
     * agree would not show the end of it, nor do slow calls show it that wait for compiled code.
     *
     * @param seconds how long that time is; 0 runs the computation once
     */
    public static void warmUp(Runnable computation, double seconds) {
        CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
        boolean known = compiler != null && compiler.isCompilationTimeMonitoringSupported();
        warmUp(computation, seconds, System::nanoTime, known ? compiler::getTotalCompilationTime : () -> 0);
    }

    /**
     * As {@link #warmUp(Runnable, double)}.
     *
     * @param clock    nanoseconds
     * @param compiled the time spent on all that has been compiled, in any unit
     */
    static void warmUp(Runnable computation, double seconds, LongSupplier clock, LongSupplier compiled) {
        long start = clock.getAsLong();
        computation.run();
        long now = clock.getAsLong();
        long improved = now;
        long best = now - start;
        long work = compiled.getAsLong();
        double end = Math.max(PATIENCE_SECONDS, seconds) * 1e9;
        while (now - improved < seconds * 1e9 && now - start < end) {
            long before = clock.getAsLong();
            computation.run();
            now = clock.getAsLong();
            long workNow = compiled.getAsLong();
            if (now - before < FASTER * best || workNow > work) {
                best = Math.min(best, now - before);
                work = workNow;
                improved = now;
            }
        }
    }

    /**
     * Times warm computations in turns.
     *
     * @param repeat number of rounds, in each of which every computation runs once
     * @param before told the index of each computation before it runs
     * @return the times, in the order of the computations
     */
    public static List<Times> take(List<? extends Runnable> computations, int repeat, IntConsumer before) {
        return take(computations, Rounds.of(repeat), before);
    }

    /**
     * Times warm computations in turns.
     *
     * @param rounds in each of which every computation runs once
     * @param before told the index of each computation before it runs
     * @return the times, in the order of the computations
     */
    public static List<Times> take(List<? extends Runnable> computations, Rounds rounds, IntConsumer before) {
        double[][] milliseconds = new double[computations.size()][rounds.most()];
        int taken = 0;
        long start = System.nanoTime();
        while (taken < rounds.least()
                || taken < rounds.most() && System.nanoTime() - start < Rounds.SECONDS * 1e9) {
            for (int c = 0; c < computations.size(); c++) {
                before.accept(c);
                milliseconds[c][taken] = milliseconds(computations.get(c));
            }
            taken++;
        }
        List<Times> times = new ArrayList<>();
        for (double[] each : milliseconds) {
            times.add(Times.of(Arrays.copyOf(each, taken)));
        }
        return times;
    }

    private static double milliseconds(Runnable computation) {
        long start = System.nanoTime();
        computation.run();
        return (System.nanoTime() - start) / 1e6;
    }
}
