package dev.kdeformer.cli.training;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.train.ArenaTask;
import dev.kdeformer.train.Classification;
import dev.kdeformer.train.ListOps;
import dev.kdeformer.train.PathTask;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongFunction;
import java.util.function.Supplier;

/** Trains the classifiers of the arena, one after the other. */
public final class ArenaBench {
    /** The tasks that there are. */
    public static final List<ArenaTask> TASKS = List.of(new ListOps(), new PathTask());

    private final Supplier<Engine> engines;
    private final Classification.Effort effort;
    private final int seeds;

    /**
     * Makes a bench.
     *
     * @param engines an engine of its own for each training, so that the memory it holds afterwards is this training's
     * @param effort  of each training, with the first seed
     * @param seeds   number of seeds
     */
    public ArenaBench(Supplier<Engine> engines, Classification.Effort effort, int seeds) {
        this.engines = engines;
        this.effort = effort;
        this.seeds = seeds;
    }

    /**
     * Trains on every task with every method and seed.
     *
     * @param methods the methods for a seed
     */
    public ArenaReport run(List<ArenaTask> tasks, LongFunction<List<AttentionMethod>> methods, Progress progress) {
        List<ArenaReport.Row> rows = new ArrayList<>();
        AtomicInteger step = new AtomicInteger();
        progress.follow(() -> (double) step.get() / effort.steps());
        for (ArenaTask task : tasks) {
            for (long seed = effort.seed(); seed < effort.seed() + seeds; seed++) {
                for (AttentionMethod method : methods.apply(seed)) {
                    progress.stage(task.name() + ", " + method.name() + ", seed " + seed);
                    rows.add(train(task, method, seed, step));
                }
            }
        }
        return new ArenaReport("Encoders of " + Classification.shape(tasks.get(0)).layers() + " layers and width "
                + Classification.shape(tasks.get(0)).width() + ", " + effort.steps() + " steps of "
                + effort.sequences() + " sequences, judged on " + effort.judged() + " others", rows);
    }

    private ArenaReport.Row train(ArenaTask task, AttentionMethod method, long seed, AtomicInteger step) {
        try (Engine engine = engines.get()) {
            Classification result = Classification.run(engine, task, method, new Classification.Effort(effort.steps(),
                    effort.sequences(), effort.judged(), seed), step::set);
            return new ArenaReport.Row(task.name(), method.name(), seed, engine.scratchBytes(), result);
        }
    }
}
