package dev.kdeformer.runtime;

/** What is done with threads in more than one place. */
public final class Threads {
    private Threads() {
    }

    /**
     * Waits until a thread has ended, whatever interrupts: for one that ends soon and uses what is freed after it. The
     * interrupt flag stays set.
     *
     * @return whether an interrupt came meanwhile
     */
    public static boolean join(Thread thread) {
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return interrupted;
    }
}
