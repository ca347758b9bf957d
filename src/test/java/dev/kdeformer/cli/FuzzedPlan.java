package dev.kdeformer.cli;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.pilot.PilotAttention;
import dev.kdeformer.pilot.PilotPlan;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Reads bytes as the plan of a small call, and computes all parts by what is read. A header names input and options;
 * fuzzed bytes are what follows it, after a first byte that is odd for a causal call.
 */
final class FuzzedPlan {
    private static final int HEADER = 16;
    private static final int ROWS = 192;
    private static final int PARTS = 3;
    private static final PilotAttention METHOD = Attention.pilot().near(8).candidates(1).tile(8).span(16).groups(4)
            .build();

    private FuzzedPlan() {
    }

    private static AttentionInput input(boolean causal) {
        SplittableRandom random = new SplittableRandom(11);
        Tensor[] tensors = new Tensor[3];
        for (int i = 0; i < tensors.length; i++) {
            float[] values = new float[ROWS * 4];
            for (int j = 0; j < values.length; j++) {
                values[j] = random.nextInt(-64, 65) / 16f;
            }
            tensors[i] = Tensor.copyOf(Arena.ofAuto(), Shape.of(ROWS, 4), values);
        }
        AttentionInput input = AttentionInput.of(tensors[0], tensors[1], tensors[2]);
        return causal ? input.withMask(Mask.causal()) : input;
    }

    /** Reads a plan and computes all parts. */
    static void read(byte[] fuzzed) {
        AttentionInput input = input(fuzzed.length > 0 && (fuzzed[0] & 1) == 1);
        try (Engine engine = Engine.create(1); Arena arena = Arena.ofConfined()) {
            byte[] bytes = Arrays.copyOf(PilotPlan.of(METHOD, engine, input).toBytes(),
                    HEADER + Math.max(0, fuzzed.length - 1));
            System.arraycopy(fuzzed, Math.min(1, fuzzed.length), bytes, HEADER, bytes.length - HEADER);
            PilotPlan plan;
            try {
                plan = PilotPlan.fromBytes(METHOD, engine, input, bytes);
            } catch (IllegalArgumentException e) {
                throw new UsageError(e.getMessage());
            }
            Tensor output = Tensor.allocate(arena, input.outputShape());
            for (int part = 0; part < PARTS; part++) {
                METHOD.part(part, PARTS).apply(engine, plan, output, null);
            }
        }
    }

    /** Writes the seeds into a folder. */
    public static void main(String[] folder) throws IOException {
        try (Engine engine = Engine.create(1)) {
            for (boolean causal : new boolean[] {false, true}) {
                byte[] bytes = PilotPlan.of(METHOD, engine, input(causal)).toBytes();
                byte[] seed = Arrays.copyOfRange(bytes, HEADER - 1, bytes.length);
                seed[0] = (byte) (causal ? 1 : 0);
                Files.write(Path.of(folder[0], causal ? "causal" : "tree"), seed);
            }
        }
    }
}
