package dev.kdeformer.train;

/**
 * The learning rate over the bytes seen: linear warm-up, constant, linear decay to a twentieth at the end (Hu et al.
 * 2024, MiniCPM, section 4: such a run can be cut or prolonged at any time before its decay).
 *
 * @param peak   highest learning rate
 * @param warmUp bytes of the warm-up
 * @param decay  bytes of the decay, the last of the run
 * @param total  bytes of the run
 */
public record Schedule(double peak, long warmUp, long decay, long total) {
    private static final double LOWEST = 0.05;

    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException naming the one that does not fit
     */
    public Schedule {
        if (!(peak > 0 && peak <= 1)) {
            throw new IllegalArgumentException("learning rate must be above 0 and at most 1, got " + peak);
        }
        if (total < 1) {
            throw new IllegalArgumentException("bytes must be at least 1, got " + total);
        }
        if (warmUp < 0 || warmUp > total) {
            throw new IllegalArgumentException("warm-up must be between 0 and the " + total + " bytes of the run, got "
                    + warmUp);
        }
        if (decay < 0 || decay > total) {
            throw new IllegalArgumentException("decay must be between 0 and the " + total + " bytes of the run, got "
                    + decay);
        }
    }

    /** The learning rate of the step that begins after so many bytes. */
    public double rate(long bytes) {
        double rate = peak;
        if (bytes < warmUp) {
            rate *= (bytes + 1.0) / warmUp;
        }
        long left = total - bytes;
        if (left < decay) {
            rate *= LOWEST + (1 - LOWEST) * Math.max(0, left) / decay;
        }
        return rate;
    }
}
