package dev.kdeformer.cli.console;

import dev.kdeformer.runtime.Threads;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.DoubleSupplier;

/**
 * One line on standard error that says what is going on, for work that takes longer than two seconds and only on a
 * terminal; erased at the end.
 */
public final class Progress implements AutoCloseable {
    private static final long PATIENCE_MILLIS = 2000;
    private static final long REFRESH_MILLIS = 200;

    private final PrintWriter err;
    private volatile DoubleSupplier fraction;
    private final long patienceMillis;
    private final Thread thread;
    private volatile String stage = "";
    private int shown;

    /**
     * Starts to watch.
     *
     * @param watched  whether standard error is a terminal
     * @param fraction the part of the present stage that is done, from 0 to 1
     */
    public Progress(PrintWriter err, boolean watched, DoubleSupplier fraction) {
        this(err, watched, fraction, PATIENCE_MILLIS);
    }

    /** Makes a line of progress that appears once a stage has taken some time. */
    public Progress(PrintWriter err, boolean watched, DoubleSupplier fraction, long patienceMillis) {
        this.err = err;
        this.patienceMillis = patienceMillis;
        this.fraction = fraction;
        this.thread = watched ? new Thread(this::show, "kdebench-progress") : null;
        if (thread != null) {
            thread.setDaemon(true);
            thread.start();
        }
    }

    /** Asks somebody else from now on how much of the present stage is done. */
    public void follow(DoubleSupplier other) {
        fraction = other;
    }

    /** Names what begins now. */
    public void stage(String text) {
        stage = text;
    }

    private void show() {
        try {
            Thread.sleep(patienceMillis);
            while (true) {
                draw(String.format(Locale.ROOT, "%s: %.0f %%", stage, 100 * fraction.getAsDouble()));
                Thread.sleep(REFRESH_MILLIS);
            }
        } catch (InterruptedException e) {
            if (shown > 0) {
                draw("");
                err.print("\r");
                err.flush();
            }
        }
    }

    private void draw(String line) {
        err.print("\r" + line + " ".repeat(Math.max(0, shown - line.length())));
        err.flush();
        shown = line.length();
    }

    @Override
    public void close() {
        if (thread == null) {
            return;
        }
        thread.interrupt();
        Threads.join(thread);
    }
}
