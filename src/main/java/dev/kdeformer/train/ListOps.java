package dev.kdeformer.train;

import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;

/**
 * Nested operations on lists of digits, to be computed: maximum, minimum, median, and sum modulo 10 (Nangia and Bowman
 * 2018, "ListOps"; lengths, depth and arguments as in Tay et al. 2021, "Long range arena", section 2.2: 500 to 2,000
 * tokens, at most ten levels of at most ten arguments, three digits to one operation).
 */
public final class ListOps implements ArenaTask {
    private static final int LONGEST = 2000;
    private static final int SHORTEST = 500;
    private static final int DEEPEST = 10;
    private static final int MOST_ARGUMENTS = 10;
    private static final double OPERATIONS = 0.25;
    private static final int DIGIT = 1;
    private static final int OPERATOR = DIGIT + 10;
    private static final int CLOSE = OPERATOR + 4;

    @Override
    public String name() {
        return "listops";
    }

    @Override
    public int length() {
        return 2048;
    }

    @Override
    public int vocabulary() {
        return CLOSE + 1;
    }

    @Override
    public int classes() {
        return 10;
    }

    @Override
    public Example make(long seed, long example, int[] tokens, int at) {
        CounterRandom random = CounterRandom.of(seed).stream(example, 1);
        long counter = 0;
        while (true) {
            Expression expression = new Expression(random, counter, tokens, at);
            int value = expression.make(1);
            if (expression.count >= SHORTEST && expression.count <= LONGEST) {
                return new Example(value, expression.count);
            }
            Arrays.fill(tokens, at, at + Math.min(expression.count, length()), 0);
            counter = expression.counter;
        }
    }

    /** An expression being written. */
    private static final class Expression {
        private final CounterRandom random;
        private final int[] tokens;
        private final int at;
        private long counter;
        private int count;

        Expression(CounterRandom random, long counter, int[] tokens, int at) {
            this.random = random;
            this.counter = counter;
            this.tokens = tokens;
            this.at = at;
        }

        /** Writes an operation or a digit; what is too long is not written, and made to its end no further. */
        int make(int depth) {
            if (count > LONGEST || depth == DEEPEST || depth > 1 && random.uniform(counter++) >= OPERATIONS) {
                int digit = random.below(counter++, 10);
                put(DIGIT + digit);
                return digit;
            }
            int operator = random.below(counter++, 4);
            put(OPERATOR + operator);
            int[] arguments = new int[2 + random.below(counter++, MOST_ARGUMENTS - 1)];
            for (int i = 0; i < arguments.length; i++) {
                arguments[i] = make(depth + 1);
            }
            put(CLOSE);
            return value(operator, arguments);
        }

        private void put(int token) {
            if (count < LONGEST) {
                tokens[at + count] = token;
            }
            count++;
        }
    }

    /** The value of an operation: 0 maximum, 1 minimum, 2 median rounded down, 3 sum modulo 10. */
    static int value(int operator, int[] arguments) {
        int[] sorted = arguments.clone();
        Arrays.sort(sorted);
        int half = sorted.length / 2;
        return switch (operator) {
            case 0 -> sorted[sorted.length - 1];
            case 1 -> sorted[0];
            case 2 -> sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
            default -> Arrays.stream(sorted).sum() % 10;
        };
    }
}
