package dev.kdeformer.pilot.walk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.pilot.keys.SharedKeys;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FoundTest {
    private static final PilotOptions OPTIONS = new PilotOptions(new PilotOptions.Spending(64, 2, 0),
            new PilotOptions.Expansion(8, 2, 64), new PilotOptions.Cuts(32, 32), new PilotOptions.Draws(0, 0, 0),
            new PilotOptions.Promise(null, null, false));

    private final Engine engine = Engine.create(2);
    private final Team crew = Crews.begin(engine);
    private final TestInputs make = TestInputs.of(11);

    @AfterEach
    void close() {
        Crews.end(engine, crew);
        engine.close();
    }

    private void with(AttentionInput input, Tensor output, Consumer<PilotHead> task) {
        KeyHead head = new Call(input, output, null, crew).keyHead(0);
        SharedKeys.forEach(head, input.scale(), 8, Function.identity(), (member, queries, keys) ->
                task.accept(new PilotHead(head, member, OPTIONS, keys, queries, crew)), crew);
    }

    private static Effort effort(int candidates, double threshold) {
        return Effort.adaptive(candidates, threshold, 32);
    }

    /** Efforts of a pass after a sketch with two candidates a query and the threshold −8. */
    @ParameterizedTest
    @CsvSource({"2, -8", "2, -12", "3, -8", "1000, -8"})
    void aPassAfterASketchWritesTheBitsOfAPassAlone(int candidates, double threshold) {
        AttentionInput input = make.normal(1, 1, 1, 1000, 900, 20, 12);
        Tensor output = make.zeros(input.outputShape());
        with(input, output, head -> {
            Pass alone = Pass.of(effort(candidates, threshold));
            double work = head.run(alone, crew).work();
            float[] expected = output.toArray();
            Found found = new Found(head.leafLevel(effort(2, -8)));
            found.prepare(effort(2, -8));
            boolean[] wanted = new boolean[1000];
            Arrays.fill(wanted, 300, 700, true);
            int[] rows = IntStream.range(0, 80).map(i -> 300 + 5 * i).toArray();
            double first = head.run(new Pass(effort(2, -8), wanted, rows, null, null, found), crew).work();
            found.prepare(alone.effort());
            double second = head.run(new Pass(alone.effort(), null, null, null, null, found), crew).work();
            assertArrayEquals(expected, output.toArray());
            assertTrue(first > 0);
            if (candidates > 2) {
                assertEquals(work, second);
            } else {
                assertTrue(second < work, second + " of " + work);
            }
        });
    }

    @Test
    void aSketchAfterASketchExpectsTheSameOfAPass() {
        AttentionInput input = make.normal(1, 1, 1, 1000, 900, 20, 12);
        with(input, make.zeros(input.outputShape()), head -> {
            boolean[] wanted = new boolean[1000];
            Arrays.fill(wanted, 0, 400, true);
            int[] rows = {1, 50, 333};
            Pass.Done alone = head.run(new Pass(effort(2, -12), wanted, rows, null, null, null), crew);
            Found found = new Found(head.leafLevel(effort(2, -8)));
            for (double threshold : new double[]{-8, -12, -12}) {
                found.prepare(effort(2, threshold));
                Pass.Done done = head.run(new Pass(effort(2, threshold), wanted, rows, null, null, found), crew);
                if (threshold == -12) {
                    assertEquals(alone.projected(), done.projected());
                    assertTrue(done.work() < alone.work());
                }
            }
        });
    }
}
