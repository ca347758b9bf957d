package dev.kdeformer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * Random calls of the public entry points, most of them with something wrong: a call either gives the output of the
 * double-precision reference or throws what the contract names and leaves the output alone. In neither case does it
 * touch memory between or around the elements of its output.
 */
class EntryPointsTest {
    private static final int CALLS = 1500;
    private static final int TENSORS = 20_000;
    private static final float GUARD = 12345.678f;
    private static final Set<Class<?>> REFUSALS = Set.of(IllegalArgumentException.class, IllegalStateException.class,
            NullPointerException.class);

    private final SplittableRandom random = new SplittableRandom(20260101);
    private final TreeMap<String, Integer> refusals = new TreeMap<>();

    @Test
    void randomCallsAreRightOrRefusedBeforeTheOutputIsTouched() {
        int right = 0;
        List<Engine> engines = List.of(Engine.create(1), Engine.create(3));
        for (int call = 0; call < CALLS; call++) {
            Engine engine = engines.get(random.nextInt(2));
            Arena arena = random.nextInt(8) == 0 ? Arena.ofConfined() : Arena.ofShared();
            String what = "call " + call;
            try {
                right += new Call(arena).run(engine, what) ? 1 : 0;
            } finally {
                if (arena.scope().isAlive()) {
                    arena.close();
                }
            }
        }
        engines.forEach(Engine::close);
        System.out.println("EntryPointsTest: " + CALLS + " random calls, " + right + " right, " + (CALLS - right)
                + " refused: " + refusals);
        assertTrue(right > CALLS / 5, "too few calls went through to say anything: " + right);
        assertTrue(refusals.size() >= 6, "too few kinds of refusal to say anything: " + refusals);
    }

    @Test
    void randomTensorsStayWithinTheirMemoryOrAreRefused() {
        int made = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(4096, 64);
            for (int i = 0; i < TENSORS; i++) {
                long[] strides = new long[4];
                int[] sizes = new int[4];
                for (int j = 0; j < 4; j++) {
                    strides[j] = wild(40);
                    sizes[j] = (int) wild(6);
                }
                MemorySegment segment = memory.asSlice(random.nextInt(64), random.nextInt(4000));
                Tensor tensor;
                try {
                    tensor = Tensor.of(segment, Shape.of(sizes[0], sizes[1], sizes[2], sizes[3]), strides[0],
                            strides[1], strides[2], strides[3]);
                } catch (IllegalArgumentException e) {
                    assertTrue(e.getMessage() != null && !e.getMessage().isBlank(), "a refusal without a word");
                    continue;
                }
                made++;
                Shape s = tensor.shape();
                if (s.elements() == 0) {
                    assertEquals(0, tensor.head(s.batch() - 1, s.heads() - 1).toArray().length);
                    assertEquals(0, tensor.rows(random.nextInt(Math.max(1, s.rows())), 0).toArray().length);
                    continue;
                }
                // Reading the last element throws if the check of the memory's size let something through.
                tensor.matrix(s.batch() - 1, s.heads() - 1).get(s.rows() - 1, s.columns() - 1);
                int first = random.nextInt(s.rows());
                Tensor part = tensor.rows(first, s.rows() - first);
                part.matrix(s.batch() - 1, s.heads() - 1).get(part.shape().rows() - 1, s.columns() - 1);
            }
        }
        System.out.println("EntryPointsTest: " + TENSORS + " random tensors, " + made + " made");
        assertTrue(made > 500 && made < TENSORS * 9 / 10, "made " + made);
    }

    @Test
    void nullsAreRefusedByName() {
        try (Arena arena = Arena.ofShared(); Engine engine = Engine.create(1)) {
            Tensor t = Tensor.allocate(arena, Shape.of(2, 2));
            AttentionInput input = AttentionInput.of(t, t, t);
            AttentionMethod exact = Attention.exact().build();
            named("engine", () -> exact.apply(null, input, t));
            named("input", () -> exact.apply(engine, null, t));
            named("output", () -> exact.apply(engine, input, null));
            named("query", () -> AttentionInput.of(null, t, t));
            named("key", () -> AttentionInput.of(t, null, t));
            named("value", () -> AttentionInput.of(t, t, null));
            named("mask", () -> input.withMask(null));
            named("bias", () -> input.withKeyBias(null));
            named("arena", () -> Tensor.allocate(null, Shape.of(1, 1)));
            named("segment", () -> Tensor.of((MemorySegment) null, Shape.of(1, 1)));
            named("executor", () -> Engine.create(2, null));
        }
    }

    private static void named(String argument, Runnable call) {
        NullPointerException e = assertThrows(NullPointerException.class, call::run);
        assertEquals(argument, e.getMessage());
    }

    /** A small number, now and then one that no shape, stride or length may be. */
    private long wild(int most) {
        return switch (random.nextInt(60)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> Integer.MIN_VALUE;
            case 3 -> Integer.MAX_VALUE;
            case 4 -> Long.MAX_VALUE / 2;
            default -> 1 + random.nextInt(most);
        };
    }

    /** One call with its tensors in a block of memory that is looked at afterwards. */
    private final class Call {
        private final Arena arena;
        private final MemorySegment memory;
        private long used;
        private int faults;

        Call(Arena arena) {
            this.arena = arena;
            this.memory = arena.allocate(1 << 20, 64);
            for (long i = 0; i < memory.byteSize(); i += 4) {
                memory.set(ValueLayout.JAVA_FLOAT, i, GUARD);
            }
        }

        /** Whether the call went through. */
        boolean run(Engine engine, String what) {
            int batch = 1 + random.nextInt(2);
            int group = 1 + random.nextInt(2);
            int kvHeads = 1 + random.nextInt(2);
            int n = 1 + random.nextInt(70);
            int m = 1 + random.nextInt(140);
            int d = 1 + random.nextInt(20);
            int dv = 1 + random.nextInt(20);
            byte[] before = null;
            try {
                Tensor query = tensor(batch, kvHeads * group, n, d);
                Tensor key = rare() ? tensor(batch, kvHeads + 1, m, d) : tensor(batch, kvHeads, m, rare() ? d + 1 : d);
                Tensor value = tensor(rare() ? batch + 1 : batch, kvHeads, m, dv);
                AttentionInput input = mask(AttentionInput.of(query, key, value), batch, m);
                if (random.nextInt(4) == 0) {
                    input = input.withKeyBias(tensor(1, rare() ? 3 : 1, 1, m));
                }
                Tensor output = rare() ? Tensor.of(query.segment(), input.outputShape())
                        : tensor(batch, kvHeads * group, rare() ? n + 1 : n, dv);
                Tensor logSumExp = random.nextBoolean() ? tensor(batch, kvHeads * group, n, 1) : null;
                if (rare()) {
                    output = Tensor.of(output.segment().asReadOnly(), output.shape());
                }
                if (rare()) {
                    arena.close();
                }
                before = bytes();
                Attention.exact().build().apply(engine, input, output, logSumExp);
                check(input, output, logSumExp, before, what);
                return true;
            } catch (RuntimeException e) {
                if (!REFUSALS.contains(e.getClass())) {
                    throw new AssertionError(what + ": not an exception of the contract", e);
                }
                assertTrue(e.getMessage() != null && !e.getMessage().isBlank(), what + ": a refusal without a word");
                assertTrue(faults > 0 || e.getMessage().contains("confined"), what + ": nothing was wrong, but " + e);
                refusals.merge(e.getMessage().replaceAll("[^a-zA-Z ].*", "").strip(), 1, Integer::sum);
                if (before != null && memory.scope().isAlive()) {
                    assertTrue(java.util.Arrays.equals(before, bytes()), what + ": refused, but memory has changed");
                }
                return false;
            }
        }

        private boolean rare() {
            boolean is = random.nextInt(60) == 0;
            faults += is ? 1 : 0;
            return is;
        }

        private AttentionInput mask(AttentionInput input, int batch, int m) {
            Mask mask = switch (random.nextInt(4)) {
                case 0 -> Mask.causal();
                case 1 -> Mask.causalUpperLeft();
                default -> Mask.none();
            };
            if (random.nextInt(4) == 0) {
                int[] lengths = new int[rare() ? batch + 1 : batch];
                for (int i = 0; i < lengths.length; i++) {
                    lengths[i] = rare() ? m + 1 : rare() ? -1 : random.nextInt(m + 1);
                }
                mask = mask.withKeyLengths(lengths);
            }
            AttentionInput masked = input.withMask(mask);
            return rare() ? masked.withScale(Float.NaN) : random.nextInt(3) == 0
                    ? masked.withScale((float) random.nextGaussian()) : masked;
        }

        /** A tensor of normal elements with random strides and offset, now and then with a hostile element. */
        private Tensor tensor(int batch, int heads, int rows, int columns) {
            long columnStride = 1 + random.nextInt(10) / 9;
            long rowStride = columns * columnStride + (random.nextBoolean() ? 0 : random.nextInt(3));
            long headStride = rows * rowStride + random.nextInt(3);
            long batchStride = heads * headStride + random.nextInt(3);
            if (rare()) {
                rowStride = 0; // harmless in an input
            }
            used += random.nextInt(5) * 4L;
            long floats = batchStride * batch;
            Tensor tensor = Tensor.of(memory.asSlice(used, floats * 4), Shape.of(batch, heads, rows, columns),
                    batchStride, headStride, rowStride, columnStride);
            used += floats * 4;
            for (int b = 0; b < batch; b++) {
                for (int h = 0; h < heads; h++) {
                    for (int r = 0; r < rows; r++) {
                        for (int c = 0; c < columns; c++) {
                            tensor.matrix(b, h).set(r, c, (float) random.nextGaussian());
                        }
                    }
                }
            }
            if (rare()) {
                float[] hostile = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.MAX_VALUE};
                tensor.matrix(random.nextInt(batch), random.nextInt(heads)).set(random.nextInt(rows),
                        random.nextInt(columns), hostile[random.nextInt(hostile.length)]);
            }
            return tensor;
        }

        private byte[] bytes() {
            return memory.scope().isAlive() ? memory.toArray(ValueLayout.JAVA_BYTE) : null;
        }

        private void check(AttentionInput input, Tensor output, Tensor logSumExp, byte[] before, String what) {
            ReferenceAttention reference = ReferenceAttention.of(input);
            assertEquals(0, reference.maxDifference(output), 1e-4, what);
            List<Tensor> written = new ArrayList<>(List.of(output));
            if (logSumExp != null) {
                assertEquals(0, reference.maxLogSumExpDifference(logSumExp), 1e-4, what);
                written.add(logSumExp);
            }
            byte[] after = bytes();
            for (Tensor tensor : written) {
                restore(tensor, before, after);
            }
            assertTrue(java.util.Arrays.equals(before, after), what + ": memory outside the output has changed");
        }

        /** Copies the old bytes of a tensor's elements into the new ones, so that only what lies around is left. */
        private void restore(Tensor tensor, byte[] before, byte[] after) {
            long base = tensor.segment().address() - memory.address();
            Shape s = tensor.shape();
            for (int b = 0; b < s.batch(); b++) {
                for (int h = 0; h < s.heads(); h++) {
                    for (int r = 0; r < s.rows(); r++) {
                        for (int c = 0; c < s.columns(); c++) {
                            int at = (int) (base + 4 * (b * tensor.batchStride() + h * tensor.headStride()
                                    + r * tensor.rowStride() + c * tensor.columnStride()));
                            System.arraycopy(before, at, after, at, 4);
                        }
                    }
                }
            }
        }
    }
}
