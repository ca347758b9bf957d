package dev.kdeformer.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.sampling.CounterRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class MeanIntervalTest {
    private static final int POPULATION = 16_384;
    private static final int REPETITIONS = 1000;
    private static final double CONFIDENCE = 0.95;
    /** Three standard deviations of a share of 0.95 among the repetitions. */
    private static final double SLACK = 0.02;

    /** How often the interval and the bound held the mean, and how often Student's interval would have. */
    private record Coverage(double interval, double bound, double student) {
    }

    private static double[] population(IntToDoubleFunction make) {
        double[] numbers = new double[POPULATION];
        Arrays.setAll(numbers, make);
        return numbers;
    }

    private static double[] logNormal(double sigma) {
        CounterRandom random = CounterRandom.of(100);
        return population(i -> Math.exp(sigma * random.gaussian(i)));
    }

    private static double[] pareto(double index) {
        CounterRandom random = CounterRandom.of(101);
        return population(i -> Math.pow(1 - random.uniform(i), -1 / index));
    }

    /** Exponential numbers of which a share is larger by a factor. */
    private static double[] mixture(double share, double factor) {
        CounterRandom random = CounterRandom.of(102);
        CounterRandom which = random.stream(1);
        return population(i -> -Math.log(1 - random.uniform(i)) * (which.uniform(i) < share ? factor : 1));
    }

    static List<Arguments> covered() {
        List<Arguments> list = new ArrayList<>();
        for (int size : new int[] {64, 256}) {
            for (double sigma : new double[] {0.3, 1, 1.5, 2}) {
                list.add(Arguments.of("log-normal " + sigma, logNormal(sigma), size));
            }
            for (double index : new double[] {1.5, 2, 3}) {
                list.add(Arguments.of("Pareto " + index, pareto(index), size));
            }
            list.add(Arguments.of("equal", population(i -> 3), size));
            list.add(Arguments.of("zero or one", mixture(0.3, 1e9), size));
            list.add(Arguments.of("exponential", mixture(0, 1), size));
            list.add(Arguments.of("10 % times 1,000", mixture(0.1, 1000), size));
            list.add(Arguments.of("10 % times 30", mixture(0.1, 30), size));
        }
        list.add(Arguments.of("5 % times 1,000", mixture(0.05, 1000), 128));
        list.add(Arguments.of("2 % times 1,000", mixture(0.02, 1000), 256));
        list.add(Arguments.of("log-normal 2.5", logNormal(2.5), 256));
        return list;
    }

    private static Coverage cover(double[] numbers, int size) {
        double mean = MeanInterval.mean(numbers);
        double largest = Arrays.stream(numbers).max().orElseThrow();
        int interval = 0;
        int bound = 0;
        int student = 0;
        for (int repetition = 0; repetition < REPETITIONS; repetition++) {
            int[] rows = CounterRandom.of(7).stream(size, repetition).sample(numbers.length, size);
            double[] sample = Arrays.stream(rows).mapToDouble(i -> numbers[i]).toArray();
            Interval result = MeanInterval.of(sample, numbers.length, CONFIDENCE);
            assertTrue(result.low() <= result.estimate() && result.estimate() <= result.high());
            interval += result.low() <= mean * (1 + 1e-12) && mean <= result.high() * (1 + 1e-12) ? 1 : 0;
            bound += mean <= MeanInterval.bound(result.estimate(), size, largest, CONFIDENCE) ? 1 : 0;
            double squares = Arrays.stream(sample).map(x -> (x - result.estimate()) * (x - result.estimate())).sum();
            // 2.0 is Student's 97.5 % quantile for 60 degrees of freedom.
            student += Math.abs(mean - result.estimate()) <= 2.0 * Math.sqrt(squares / (size - 1) / size) ? 1 : 0;
        }
        return new Coverage(interval / (double) REPETITIONS, bound / (double) REPETITIONS,
                student / (double) REPETITIONS);
    }

    @ParameterizedTest(name = "{0}, {2} draws")
    @MethodSource("covered")
    void holdsTheMeanAsOftenAsStated(String name, double[] numbers, int size) {
        Coverage coverage = cover(numbers, size);
        assertTrue(coverage.interval >= CONFIDENCE - SLACK, coverage::toString);
        assertTrue(coverage.bound >= CONFIDENCE - SLACK, coverage::toString);
    }

    /** Where Student's interval fails; this also shows that the coverage test can. */
    @Test
    void heavyTailsDefeatStudent() {
        Coverage coverage = cover(logNormal(2), 64);
        assertTrue(coverage.student < 0.8, coverage::toString);
        assertTrue(coverage.interval >= CONFIDENCE - SLACK, coverage::toString);
    }

    /** The documented limit: with 1 % of bad numbers most samples of 64 miss them all. The bound holds even so. */
    @Test
    void rareNumbersEscapeTheIntervalButNotTheBound() {
        Coverage coverage = cover(mixture(0.01, 1000), 64);
        assertTrue(coverage.interval < 0.7, coverage::toString);
        assertTrue(coverage.bound >= CONFIDENCE - SLACK, coverage::toString);
    }

    @Test
    void narrowsWithTheSampleAndTheConfidence() {
        double[] numbers = logNormal(1);
        double last = Double.POSITIVE_INFINITY;
        for (int size : new int[] {32, 128, 512, 2048, 8192, 16_000, 16_384}) {
            int[] rows = CounterRandom.of(3).sample(numbers.length, size);
            double[] sample = Arrays.stream(rows).mapToDouble(i -> numbers[i]).toArray();
            Interval interval = MeanInterval.of(sample, numbers.length, 0.95);
            double width = interval.high() - interval.low();
            assertTrue(width < last, () -> "width " + width + " of " + size + " draws");
            last = width;
            if (size < 16_384) {
                Interval surer = MeanInterval.of(sample, numbers.length, 0.999);
                assertTrue(surer.low() < interval.low() && surer.high() > interval.high());
            }
        }
        assertEquals(0, last);
    }

    @Test
    void scalesWithTheNumbers() {
        double[] numbers = Arrays.copyOf(logNormal(1), 100);
        Interval plain = MeanInterval.of(numbers, 1000, 0.9);
        for (double scale : new double[] {1e-250, 1e250}) {
            Interval scaled = MeanInterval.of(Arrays.stream(numbers).map(x -> x * scale).toArray(), 1000, 0.9);
            assertEquals(plain.low(), scaled.low() / scale, 1e-9);
            assertEquals(plain.high(), scaled.high() / scale, 1e-9);
        }
    }

    @Test
    void nothingButZerosSaysNothingOfTheRest() {
        assertEquals(new Interval(0, 0, Double.POSITIVE_INFINITY), MeanInterval.of(new double[50], 51, 0.95));
        assertEquals(new Interval(0, 0, 0), MeanInterval.of(new double[50], 50, 0.95));
        // With no bad number among 50, a share of bad ones above 1 − 0.05^(1/50) is ruled out.
        assertEquals(7 * (1 - Math.pow(0.05, 0.02)), MeanInterval.bound(0, 50, 7, 0.95), 1e-12);
        assertEquals(0, MeanInterval.bound(0, 50, 0, 0.95));
        assertEquals(7, MeanInterval.bound(7, 50, 7, 0.95));
    }
}
