package dev.kdeformer.cli.bench;

/**
 * How many rounds of turns are timed: {@code least}, and more of short ones until they took {@link #SECONDS} together,
 * {@code most} at most. A median of three calls of 10 ms is little more than chance.
 */
public record Rounds(int least, int most) {
    /** How long all rounds together take at least, if that needs no more than {@code most}. */
    static final double SECONDS = 1;

    /** Most rounds where none are asked for. */
    private static final int MOST = 25;

    /** So many rounds, and more of short ones. */
    public static Rounds atLeast(int number) {
        return new Rounds(number, Math.max(number, MOST));
    }

    /** So many rounds, however short they are. */
    public static Rounds of(int number) {
        return new Rounds(number, number);
    }
}
