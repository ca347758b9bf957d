package dev.kdeformer.spark;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.PartialAttention;
import dev.kdeformer.pilot.PilotAttention;
import dev.kdeformer.pilot.PilotPlan;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * Measures the pieces that the model in docs/spark.md is made of, in processor time of one thread, so that other work
 * on the machine counts little: the smallest of several calls of each.
 */
final class Pieces {
    private static final int ROWS = 131_072;
    private static final int BLOCK = 2048;
    private static final int WIDTH = 64;
    private static final int PARTS = 32;
    private static final int TIMES = 4;

    private Pieces() {
    }

    public static void main(String[] args) {
        SplittableRandom random = new SplittableRandom(1);
        float[] values = new float[ROWS * WIDTH];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        try (Engine engine = Engine.create(1); Arena arena = Arena.ofShared()) {
            Tensor all = Tensor.copyOf(arena, Shape.of(ROWS, WIDTH), values);
            AttentionInput block = AttentionInput.of(all.rows(0, BLOCK), all, all);
            Tensor output = Tensor.allocate(arena, block.outputShape());
            Tensor sums = Tensor.allocate(arena, block.outputShape().withColumns(1));
            double exact = seconds(() -> Attention.exact().build().apply(engine, block, output, sums));
            System.out.printf(Locale.ROOT, "exact, %d x %d, d = %d: %.2f s, %.0f Gflop/s%n", BLOCK, ROWS, WIDTH, exact,
                    4e-9 * WIDTH * BLOCK * ROWS / exact);
            PartialAttention part = PartialAttention.of(output, sums);
            System.out.printf(Locale.ROOT, "merge, %d x %d: %.2f ms%n", BLOCK, WIDTH, 1e3 * seconds(() -> {
                PartialAttention merged = part;
                for (int i = 0; i < 20; i++) {
                    merged = merged.merge(part);
                }
            }) / 20);
            AttentionInput whole = AttentionInput.of(all, all, all);
            Tensor outputs = Tensor.allocate(arena, whole.outputShape());
            PilotAttention pilot = Attention.pilot().build();
            double together = seconds(() -> pilot.apply(engine, whole, outputs));
            PilotPlan[] plans = new PilotPlan[2];
            double find = seconds(() -> plans[0] = PilotPlan.of(pilot, engine, whole));
            byte[] bytes = plans[0].toBytes();
            double read = seconds(() -> plans[1] = PilotPlan.fromBytes(pilot, engine, whole, bytes));
            double one = seconds(() -> pilot.part(3, PARTS).apply(engine, plans[1], outputs, null));
            System.out.printf(Locale.ROOT, "pilot, %d rows: %.3f s; plan %.3f s, %.1f MB, read in %.3f s; one of %d "
                    + "parts %.3f s%n", ROWS, together, find, bytes.length / 1e6, read, PARTS, one);
        }
    }

    private static double seconds(Runnable work) {
        double least = Double.POSITIVE_INFINITY;
        for (int i = 0; i < TIMES; i++) {
            long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
            work.run();
            least = Math.min(least, (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start) / 1e9);
        }
        return least;
    }
}
