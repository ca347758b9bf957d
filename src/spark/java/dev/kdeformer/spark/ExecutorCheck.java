package dev.kdeformer.spark;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.runtime.VectorModule;
import java.io.Serializable;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What executors are asked before the first task: which Java they run, whether they have the Vector API, and how wide
 * its vectors are. What is wrong is said once, on the driver, and not as a class that cannot be loaded in every task.
 */
final class ExecutorCheck {
    private static final Logger LOG = LoggerFactory.getLogger(SparkAttention.class);

    private static final int OLDEST = 21;

    /** The first update of Java 25 whose garbage collector does not damage pinned arrays, JDK-8377811. */
    private static final int FIRST_GOOD_25 = 3;

    /** So many short tasks for every slot, so that each executor gets one. */
    private static final int TASKS_PER_SLOT = 3;

    private static final int MOST_TASKS = 3000;

    private static final String ADVICE = ": set spark.executorEnv.JAVA_HOME to a JDK that is on the disks of all"
            + " executors";

    private ExecutorCheck() {
    }

    /**
     * What an executor says.
     *
     * @param bits width of its vectors; 0 without the module
     */
    record Answer(String executor, int bits) implements Serializable {
    }

    /**
     * Asks the executors that there are.
     *
     * @throws IllegalStateException if one cannot run the library, in a sentence that says what to change
     */
    static void run(SparkSession session) {
        int tasks = Math.max(1, Math.min(MOST_TASKS, TASKS_PER_SLOT * session.sparkContext().defaultParallelism()));
        // An expression of Spark, because an older Java could not load a class of ours to be asked with.
        TreeSet<String> versions = session.range(0, tasks, 1, tasks)
                .selectExpr("java_method('java.lang.System', 'getProperty', 'java.version')").collectAsList().stream()
                .map((Row row) -> row.getString(0)).collect(Collectors.toCollection(TreeSet::new));
        versions.forEach(ExecutorCheck::requireJava);
        List<Integer> each = IntStream.range(0, tasks).boxed().toList();
        List<Answer> answers = JavaSparkContext.fromSparkContext(session.sparkContext()).parallelize(each, tasks)
                .map(task -> answer()).distinct().collect();
        judge(answers).ifPresent(LOG::warn);
    }

    private static Answer answer() {
        return new Answer(SparkEnv.get().executorId(), VectorModule.isThere() ? Lanes.LANES * Float.SIZE : 0);
    }

    /**
     * What the answers of all executors mean.
     *
     * @return a warning, if there is something to warn of
     * @throws IllegalStateException if one has no vector module
     */
    static Optional<String> judge(List<Answer> answers) {
        TreeSet<Integer> widths = new TreeSet<>();
        for (Answer answer : answers) {
            if (answer.bits == 0) {
                throw new IllegalStateException("executor " + answer.executor + " runs without the module"
                        + " jdk.incubator.vector: add --add-modules=jdk.incubator.vector to"
                        + (answer.executor.equals("driver") ? " the driver's Java options"
                        : " spark.executor.extraJavaOptions"));
            }
            widths.add(answer.bits);
        }
        if (widths.size() > 1) {
            return Optional.of("executors have vectors of " + widths.stream().map(String::valueOf)
                    .collect(Collectors.joining(" and ")) + " bits, so that the last digits of results depend on where"
                    + " a task runs; spark.executor.extraJavaOptions=-XX:UseAVX=2 makes them equal");
        }
        return Optional.empty();
    }

    /**
     * Checks the version of an executor's Java.
     *
     * @param version as the system property {@code java.version} has it
     * @throws IllegalStateException if it is too old, or one that damages arrays
     */
    static void requireJava(String version) {
        boolean old = version.startsWith("1."); // 1.8 and before
        Runtime.Version parsed = old ? null : Runtime.Version.parse(version);
        if (old || parsed.feature() < OLDEST) {
            throw new IllegalStateException("executors must run Java " + OLDEST + " or newer, got " + version + ADVICE);
        }
        if (parsed.feature() == 25 && parsed.interim() == 0 && parsed.update() < FIRST_GOOD_25) {
            throw new IllegalStateException("executors must not run Java 25.0.0 to 25.0.2, which damage arrays"
                    + " (JDK-8377811), got " + version + ADVICE);
        }
    }
}
