package dev.kdeformer.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;

class ExecutorCheckTest {
    @Test
    void namesTheSettingForAnotherJava() {
        for (String version : List.of("1.8.0_352", "11", "17.0.15", "20.0.2", "25", "25.0.1", "25.0.2")) {
            String message = assertThrows(IllegalStateException.class, () -> ExecutorCheck.requireJava(version))
                    .getMessage();
            assertTrue(message.contains("got " + version), message);
            assertTrue(message.contains("spark.executorEnv.JAVA_HOME"), message);
        }
        for (String version : List.of("21", "21.0.13", "22-ea", "24.0.1", "25.0.3", "25.1", "26")) {
            ExecutorCheck.requireJava(version);
        }
    }

    @Test
    void warnsOfUnequalVectorsAndRefusesNone() {
        assertEquals(Optional.empty(), ExecutorCheck.judge(List.of(new ExecutorCheck.Answer("0", 512),
                new ExecutorCheck.Answer("1", 512))));
        String warning = ExecutorCheck.judge(List.of(new ExecutorCheck.Answer("0", 512),
                new ExecutorCheck.Answer("1", 256))).orElseThrow();
        assertTrue(warning.startsWith("executors have vectors of 256 and 512 bits"), warning);
        assertTrue(warning.contains("-XX:UseAVX=2"), warning);
        assertTrue(assertThrows(IllegalStateException.class,
                () -> ExecutorCheck.judge(List.of(new ExecutorCheck.Answer("7", 0)))).getMessage()
                .contains("executor 7 runs without the module jdk.incubator.vector"));
    }

    @Test
    void memoryIsForAllTasksOfAnExecutor() {
        SparkConf conf = new SparkConf(false);
        assertEquals(3, TaskMemory.tasksPerExecutor(conf, 3));
        conf.set("spark.executor.cores", "8").set("spark.task.cpus", "4");
        assertEquals(2, TaskMemory.tasksPerExecutor(conf, 3));
        TaskMemory task = new TaskMemory(1000, 0).plusOffHeap(24);
        assertEquals(1024, task.overhead(2) - task.overhead(1));
        HeadCall call = new HeadCall(seed -> Attention.exact().build(), 0, null, false, 1, Map.of(), null);
        TaskMemory large = TaskMemory.of(call, 1, 4096, 1 << 20, 64, 64, 2);
        assertTrue(large.offHeap() > (1L << 20) * 128 * Float.BYTES, large.toString());
        assertEquals(Float.BYTES * ((1L << 20) * 128 + 4096L * 129), large.onHeap());
    }
}
