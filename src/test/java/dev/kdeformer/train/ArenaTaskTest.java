package dev.kdeformer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.Engine;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ArenaTaskTest {
    private static final int SIDE = 32;

    @Test
    void operationsHaveTheValueThatAStackComputes() {
        ListOps task = new ListOps();
        Set<Integer> classes = new HashSet<>();
        Batch batch = task.batch(3, 100, 60);
        assertArrayEquals(batch.tokens(), task.batch(3, 100, 60).tokens());
        for (int s = 0; s < batch.sequences(); s++) {
            int length = batch.lengths()[s];
            assertTrue(length >= 500 && length <= 2000, "length " + length);
            Deque<List<Integer>> open = new ArrayDeque<>();
            open.push(new ArrayList<>());
            for (int i = 0; i < task.length(); i++) {
                int token = batch.tokens()[s * task.length() + i];
                assertEquals(i >= length, token == 0);
                if (token >= 11 && token < 15) {
                    open.push(new ArrayList<>(List.of(token - 11)));
                    assertTrue(open.size() <= 10, "depth");
                } else if (token == 15) {
                    List<Integer> list = open.pop();
                    int[] arguments = list.subList(1, list.size()).stream().mapToInt(x -> x).toArray();
                    assertTrue(arguments.length >= 2 && arguments.length <= 10);
                    open.peek().add(ListOps.value(list.get(0), arguments));
                } else if (token > 0) {
                    open.peek().add(token - 1);
                }
            }
            assertEquals(List.of(batch.targets()[s]), open.pop());
            classes.add(batch.targets()[s]);
        }
        assertTrue(classes.size() > 6, classes.toString());
    }

    @Test
    void operations() {
        int[] arguments = {7, 2, 9, 4};
        assertEquals(9, ListOps.value(0, arguments));
        assertEquals(2, ListOps.value(1, arguments));
        assertEquals(5, ListOps.value(2, arguments));
        assertEquals(2, ListOps.value(3, arguments));
    }

    @Test
    void marksLieOnTheSamePathIfTheLabelSaysSo() {
        PathTask task = new PathTask();
        int same = 0;
        for (int example = 0; example < 200; example++) {
            int[] tokens = new int[SIDE * SIDE];
            int target = task.make(1, example, tokens, 0).target();
            List<Integer> marks = new ArrayList<>();
            for (int i = 0; i < tokens.length; i++) {
                if (tokens[i] == 3) {
                    marks.add(i);
                }
            }
            assertEquals(2, marks.size());
            assertEquals(target == 1, flood(tokens, marks.get(0)).contains(marks.get(1)), "example " + example);
            same += target;
        }
        assertTrue(same > 70 && same < 130, "same " + same);
    }

    private static Set<Integer> flood(int[] tokens, int start) {
        Set<Integer> seen = new HashSet<>(Set.of(start));
        Deque<Integer> next = new ArrayDeque<>(seen);
        while (!next.isEmpty()) {
            int at = next.pop();
            for (int way = 0; way < 4; way++) {
                int x = at % SIDE + (way == 0 ? 1 : way == 1 ? -1 : 0);
                int y = at / SIDE + (way == 2 ? 1 : way == 3 ? -1 : 0);
                if (x >= 0 && x < SIDE && y >= 0 && y < SIDE && tokens[y * SIDE + x] > 1 && seen.add(y * SIDE + x)) {
                    next.push(y * SIDE + x);
                }
            }
        }
        return seen;
    }

    /** A task of one glance, so that a few steps suffice: which of two tokens the sequence is full of. */
    private record Majority() implements ArenaTask {
        @Override
        public String name() {
            return "majority";
        }

        @Override
        public int length() {
            return 40;
        }

        @Override
        public int vocabulary() {
            return 3;
        }

        @Override
        public int classes() {
            return 2;
        }

        @Override
        public Example make(long seed, long example, int[] tokens, int at) {
            int target = (int) (example * 7 + seed) % 3 % 2;
            int length = 20 + (int) (example % 20);
            for (int i = 0; i < length; i++) {
                tokens[at + i] = 1 + (i % 4 == 0 ? 1 - target : target);
            }
            return new Example(target, length);
        }
    }

    @Test
    void aClassifierLearnsAndRepeatsItself() {
        Classification.Effort effort = new Classification.Effort(30, 8, 32, 5);
        Classification first;
        try (Engine engine = Engine.create(1)) {
            first = Classification.run(engine, new Majority(), Attention.exact().build(), effort, step -> { });
        }
        assertEquals(1, first.accuracy());
        try (Engine engine = Engine.create(2)) {
            Classification again = Classification.run(engine, new Majority(), Attention.exact().build(), effort,
                    step -> { });
            assertEquals(first.loss(), again.loss());
            Classification pilot = Classification.run(engine, new Majority(),
                    Attention.pilot().near(4).candidates(1).tile(8).build(), effort, step -> { });
            assertNotEquals(first.loss(), pilot.loss());
            assertTrue(pilot.accuracy() > 0.9, pilot.toString());
        }
    }
}
