package dev.kdeformer.spark;

import dev.kdeformer.Engine;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.spark.TaskContext;

/**
 * One engine per executor and number of threads, made when it is first wanted and never closed: its scratch memory
 * serves task after task. The helpers of all tasks come from one pool that grows with them; a pool of fixed size would
 * be shared by the tasks that run at the same time.
 */
final class Engines {
    private static final Map<Integer, Engine> BY_THREADS = new ConcurrentHashMap<>();

    private static final ExecutorService HELPERS = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "kdeformer");
        thread.setDaemon(true);
        return thread;
    });

    private Engines() {
    }

    /** The engine of the running task, with as many threads as {@code spark.task.cpus} gives it. */
    static Engine ofTask() {
        ExecutorCheck.requireJava(System.getProperty("java.version"));
        TaskContext task = TaskContext.get();
        return BY_THREADS.computeIfAbsent(task == null ? 1 : task.cpus(), threads -> Engine.create(threads, HELPERS));
    }
}
