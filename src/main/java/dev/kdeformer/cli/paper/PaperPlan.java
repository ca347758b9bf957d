package dev.kdeformer.cli.paper;

import dev.kdeformer.cli.training.ArenaBench;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.train.ArenaTask;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What the experiments run.
 *
 * @param lengths       lengths of the GloVe experiment
 * @param lengthFeature features at all of these lengths
 * @param features      numbers of features at the greatest length
 * @param shapes        shapes of the paper's other experiments
 * @param longestSet    data sets of up to this length are run
 * @param training      the classifiers that are trained with the methods that have gradients
 */
public record PaperPlan(List<Integer> lengths, int lengthFeature, List<Integer> features, List<Task> shapes,
        int longestSet, Training training) {
    /**
     * Trainings of the arena.
     *
     * @param tasks names of the tasks
     * @param seeds most seeds
     */
    public record Training(List<String> tasks, int steps, int sequences, int judged, int seeds) {
        /** The tasks themselves. */
        public List<ArenaTask> chosen() {
            return ArenaBench.TASKS.stream().filter(task -> tasks.contains(task.name())).toList();
        }
    }

    /** A shape with its name. */
    public record Task(String name, Shape query, Shape key, Shape value) {
        private static Task of(String name, int n, int d) {
            return new Task(name, Shape.of(n, d), Shape.of(n, d), Shape.of(n, d));
        }
    }

    /** All of it. */
    public static PaperPlan full() {
        return new PaperPlan(doubling(1024, 16384), 256, doubling(64, 4096), List.of(
                Task.of("T2T-ViT layer", 3136, 64),
                new Task("BigGAN 512", Shape.of(4096, 64), Shape.of(1024, 64), Shape.of(1024, 256)),
                Task.of("LRA 1,024", 1024, 64), Task.of("LRA 2,048", 2048, 64), Task.of("LRA 4,096", 4096, 64)),
                16384, new Training(List.of("listops", "paths"), 200, 16, 512, 3));
    }

    /** The same on small inputs, to see that it works. */
    public static PaperPlan quick() {
        return new PaperPlan(List.of(256, 512), 64, List.of(64, 128), List.of(Task.of("T2T-ViT layer / 8", 392, 64),
                new Task("BigGAN 512 / 8", Shape.of(512, 64), Shape.of(128, 64), Shape.of(128, 256))), 512,
                new Training(List.of("paths"), 4, 2, 8, 1));
    }

    /** The greatest length of the GloVe experiment. */
    public int longest() {
        return lengths.get(lengths.size() - 1);
    }

    private static List<Integer> doubling(int from, int to) {
        return IntStream.iterate(from, value -> value <= to, value -> 2 * value).boxed().toList();
    }
}
