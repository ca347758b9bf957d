package dev.kdeformer.train;

import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;

/**
 * A picture of 32 × 32 pixels with three winding paths and two marks, each at the end of a path: do the marks lie on
 * the same path? The question of Pathfinder (Linsley et al. 2018; Tay et al. 2021, section 2.5) on pictures drawn here.
 * Paths keep apart from each other by a pixel, so that the answer is in the picture.
 */
public final class PathTask implements ArenaTask {
    private static final int SIDE = 32;
    private static final int PATHS = 3;
    private static final int SHORTEST = 18;
    private static final int LONGEST = 48;
    private static final int ATTEMPTS = 200;
    private static final int EMPTY = 1;
    private static final int PATH = 2;
    private static final int MARK = 3;
    private static final int[] DX = {1, 0, -1, 0};
    private static final int[] DY = {0, 1, 0, -1};

    @Override
    public String name() {
        return "paths";
    }

    @Override
    public int length() {
        return SIDE * SIDE;
    }

    @Override
    public int vocabulary() {
        return MARK + 1;
    }

    @Override
    public int classes() {
        return 2;
    }

    @Override
    public Example make(long seed, long example, int[] tokens, int at) {
        CounterRandom random = CounterRandom.of(seed).stream(example, 2);
        long counter = 1;
        int[] owner = new int[SIDE * SIDE];
        int[] ends = new int[2 * PATHS];
        int attempts = 0;
        for (int path = 0; path < PATHS;) {
            int[] pixels = walk(random, counter, owner);
            counter += LONGEST + 3;
            attempts++;
            if (pixels.length >= SHORTEST) {
                for (int pixel : pixels) {
                    owner[pixel] = path + 1;
                }
                ends[2 * path] = pixels[0];
                ends[2 * path + 1] = pixels[pixels.length - 1];
                path++;
            } else if (attempts % ATTEMPTS == 0) {
                Arrays.fill(owner, 0); // what is there may leave no room
                path = 0;
            }
        }
        boolean same = random.below(0, 2) == 1;
        for (int i = 0; i < owner.length; i++) {
            tokens[at + i] = owner[i] == 0 ? EMPTY : PATH;
        }
        tokens[at + ends[0]] = MARK;
        tokens[at + ends[same ? 1 : 2]] = MARK;
        return new Example(same ? 1 : 0, length());
    }

    /** A walk that mostly goes straight on and touches neither itself nor another path. */
    private static int[] walk(CounterRandom random, long first, int[] owner) {
        long counter = first;
        int[] pixels = new int[SHORTEST + random.below(counter++, LONGEST - SHORTEST + 1)];
        int place = random.below(counter++, SIDE * SIDE);
        int direction = random.below(counter++, 4);
        boolean[] mine = new boolean[SIDE * SIDE];
        for (int count = 0; count < pixels.length; count++) {
            if (count == 0 && !isFree(place, -1, owner, mine)) {
                return new int[0];
            }
            pixels[count] = place;
            mine[place] = true;
            double turn = random.uniform(counter++);
            int wanted = turn < 0.7 ? direction : turn < 0.85 ? direction + 1 & 3 : direction + 3 & 3;
            int next = -1;
            for (int i = 0; i < 4 && next < 0; i++) {
                int way = wanted + i & 3;
                int x = place % SIDE + DX[way];
                int y = place / SIDE + DY[way];
                if (x >= 0 && x < SIDE && y >= 0 && y < SIDE && isFree(y * SIDE + x, place, owner, mine)) {
                    next = y * SIDE + x;
                    direction = way;
                }
            }
            if (next < 0) {
                return Arrays.copyOf(pixels, count + 1);
            }
            place = next;
        }
        return pixels;
    }

    /** Whether a pixel and its neighbours, but for the one that the walk comes from, belong to nobody. */
    private static boolean isFree(int place, int from, int[] owner, boolean[] mine) {
        if (owner[place] != 0 || mine[place]) {
            return false;
        }
        for (int way = 0; way < 4; way++) {
            int x = place % SIDE + DX[way];
            int y = place / SIDE + DY[way];
            int neighbour = y * SIDE + x;
            if (x >= 0 && x < SIDE && y >= 0 && y < SIDE && neighbour != from
                    && (owner[neighbour] != 0 || mine[neighbour])) {
                return false;
            }
        }
        return true;
    }
}
