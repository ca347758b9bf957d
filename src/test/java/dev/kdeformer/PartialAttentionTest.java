package dev.kdeformer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PartialAttentionTest {
    private static final int HEADER = 24;

    private final SplittableRandom random = new SplittableRandom(1806);
    private final TestInputs make = TestInputs.of(1806);

    /** An input, the offset of its causal rule if it has one, and how large its logits are. */
    private record Case(AttentionInput input, Integer offset, double logit) {
        /** The input with keys [from, to) alone. */
        AttentionInput shard(int from, int to) {
            AttentionInput shard = AttentionInput.of(input.query(), input.key().rows(from, to - from),
                    input.value().rows(from, to - from)).withScale(input.scale());
            return offset == null ? shard : shard.withMask(Mask.causalAt(offset - from));
        }
    }

    private Case draw(int round) {
        int kvHeads = 1 + random.nextInt(2);
        int heads = kvHeads * (1 + random.nextInt(2));
        int n = 1 + random.nextInt(40);
        int m = 7 + random.nextInt(150);
        int d = 1 + random.nextInt(20);
        int dv = 1 + random.nextInt(20);
        AttentionInput normal = make.normal(2, heads, kvHeads, n, m, d, dv);
        AttentionInput input = round % 2 == 0 ? normal : TestInputs.offsetKeys(normal, 500);
        double logit = round % 4 == 0 ? 5 : 500;
        input = TestInputs.withLogits(input, logit);
        input = round % 4 == 3 ? input.withScale(-input.scale()) : input;
        // A negative offset hides every key from the first queries.
        Integer offset = round % 3 == 0 ? null : (Integer) (random.nextInt(m + 20) - 20);
        return new Case(offset == null ? input : input.withMask(Mask.causalAt(offset)), offset, logit);
    }

    /** Where 1 to 7 parts of m keys begin, and m. */
    private int[] cuts(int m) {
        int parts = 1 + random.nextInt(7);
        List<Integer> places = new ArrayList<>();
        for (int key = 1; key < m; key++) {
            places.add(key);
        }
        Collections.shuffle(places, new Random(random.nextLong()));
        int[] cuts = new int[parts + 1];
        for (int p = 1; p < parts; p++) {
            cuts[p] = places.get(p);
        }
        cuts[parts] = m;
        Arrays.sort(cuts);
        return cuts;
    }

    /** A part from the double-precision reference, its log-sum-exp unrounded. */
    private PartialAttention plain(AttentionInput input) {
        ReferenceAttention reference = ReferenceAttention.of(input);
        Tensor output = make.zeros(input.outputShape());
        double[] logSumExp = new double[input.batch() * input.heads() * input.queries()];
        for (int head = 0; head < input.batch() * input.heads(); head++) {
            int b = head / input.heads();
            int h = head % input.heads();
            System.arraycopy(reference.logSumExp(b, h), 0, logSumExp, head * input.queries(), input.queries());
            double[] exact = reference.output(b, h);
            for (int i = 0; i < exact.length; i++) {
                output.matrix(b, h).set(i / input.dv(), i % input.dv(), (float) exact[i]);
            }
        }
        return PartialAttention.of(output, logSumExp);
    }

    private PartialAttention attended(Engine engine, AttentionInput input) {
        Tensor output = make.zeros(input.outputShape());
        Tensor logSumExp = make.zeros(input.outputShape().withColumns(1));
        Attention.exact().build().apply(engine, input, output, logSumExp);
        return PartialAttention.of(output, logSumExp);
    }

    @Test
    void shardsOfKeysTogetherAreAttentionToAll() {
        int hidden = 0;
        int split = 0;
        try (Engine engine = Engine.create(2); Arena arena = Arena.ofConfined()) {
            for (int round = 0; round < 48; round++) {
                Case drawn = draw(round);
                int[] cuts = cuts(drawn.input.keys());
                List<PartialAttention> plain = new ArrayList<>();
                List<PartialAttention> attended = new ArrayList<>();
                for (int p = 0; p + 1 < cuts.length; p++) {
                    AttentionInput shard = drawn.shard(cuts[p], cuts[p + 1]);
                    plain.add(plain(shard));
                    attended.add(attended(engine, shard));
                }
                String what = "round " + round + ", cuts " + Arrays.toString(cuts) + ", " + drawn.input.mask();
                ReferenceAttention whole = ReferenceAttention.of(drawn.input);
                PartialAttention exact = PartialAttention.merge(plain);
                assertTrue(whole.maxDifference(exact.output(arena)) < 2e-6, what);
                for (int i = 0; i < drawn.input.queries(); i++) {
                    double wanted = whole.logSumExp(1, 0)[i];
                    double found = exact.logSumExp(1, 0, i);
                    assertTrue(wanted == found || Math.abs(wanted - found) < 1e-11, what);
                    hidden += wanted == Double.NEGATIVE_INFINITY ? 1 : 0;
                }
                // Logits and log-sum-exp in float32: their last digit, relative, is what weights are off by.
                double digit = Math.ulp((float) drawn.logit);
                PartialAttention merged = PartialAttention.merge(attended);
                double error = whole.maxDifference(merged.output(arena));
                assertTrue(error < 2e-6 + 16 * digit, what + ": " + error);
                error = whole.maxLogSumExpDifference(merged.logSumExp(arena));
                assertTrue(error < 2e-6 + 4 * digit, what + ": " + error);
                split += cuts.length > 2 ? 1 : 0;
            }
        }
        assertTrue(hidden > 20 && split > 20, hidden + " hidden rows, " + split + " inputs in several parts");
    }

    @Test
    void rowsWithoutKeysStayZerosWithMinusInfinity() {
        try (Arena arena = Arena.ofConfined()) {
            Tensor output = Tensor.copyOf(arena, Shape.of(2, 2), Float.NaN, 3, 4, 5);
            Tensor logSumExp = Tensor.copyOf(arena, Shape.of(2, 1), Float.NEGATIVE_INFINITY, -700);
            PartialAttention part = PartialAttention.of(output, logSumExp);
            for (PartialAttention each : List.of(part, part.merge(part), PartialAttention.fromBytes(part.toBytes()))) {
                assertArrayEquals(new float[] {0, 0, 4, 5}, each.output(arena).toArray());
                assertEquals(Float.NEGATIVE_INFINITY, each.logSumExp(arena).toArray()[0]);
                assertEquals(Double.NEGATIVE_INFINITY, each.reference(0, 0, 0));
                assertEquals(0, each.sum(0, 0, 0));
                assertEquals(0, each.value(0, 0, 0, 1));
            }
            assertEquals(-700 + Math.log(2), part.merge(part).logSumExp(0, 0, 1), 1e-12);
        }
    }

    @Test
    void farPartsLeaveTheNearOneAlone() {
        float[] places = {-Float.MAX_VALUE, -1e4f, 0, 1e4f, Float.MAX_VALUE};
        try (Arena arena = Arena.ofConfined()) {
            List<PartialAttention> parts = new ArrayList<>();
            for (float place : places) {
                parts.add(PartialAttention.of(Tensor.copyOf(arena, Shape.of(1, 1), place / 4),
                        Tensor.copyOf(arena, Shape.of(1, 1), place)));
            }
            Collections.swap(parts, 1, 4);
            PartialAttention merged = PartialAttention.merge(parts);
            assertEquals(Float.MAX_VALUE / 4, merged.output(arena).toArray()[0]);
            assertEquals(Float.MAX_VALUE, merged.logSumExp(arena).toArray()[0]);
        }
    }

    @Test
    void sumsOfAnyNumberOfMergesStayInRange() {
        try (Arena arena = Arena.ofConfined()) {
            PartialAttention part = PartialAttention.of(Tensor.copyOf(arena, Shape.of(1, 1), Float.MAX_VALUE),
                    Tensor.copyOf(arena, Shape.of(1, 1), 500));
            for (int i = 0; i < 1500; i++) {
                part = part.merge(part);
            }
            assertEquals(500 + 1500 * Math.log(2), part.logSumExp(0, 0, 0), 1e-9);
            assertEquals(Float.MAX_VALUE, part.output(arena).toArray()[0]);
            assertArrayEquals(part.toBytes(), PartialAttention.fromBytes(part.toBytes()).toBytes());
        }
    }

    @Test
    void theSameOrderGivesTheSameBits() {
        List<PartialAttention> parts = new ArrayList<>();
        Case drawn = draw(2);
        int m = drawn.input.keys();
        for (int p = 0; p < 5; p++) {
            parts.add(plain(drawn.shard(p * m / 5, (p + 1) * m / 5)));
        }
        byte[] first = parts.get(0).toBytes();
        byte[] merged = PartialAttention.merge(parts).toBytes();
        PartialAttention chained = parts.get(0);
        for (PartialAttention part : parts.subList(1, 5)) {
            chained = chained.merge(PartialAttention.fromBytes(part.toBytes()));
        }
        assertArrayEquals(merged, chained.toBytes());
        assertArrayEquals(merged, PartialAttention.merge(parts).toBytes());
        assertArrayEquals(first, parts.get(0).toBytes());
    }

    @Test
    void bytesAreThoseDescribed() {
        try (Arena arena = Arena.ofConfined()) {
            PartialAttention part = PartialAttention.of(Tensor.copyOf(arena, Shape.of(1, 2, 1, 3), 1, 2, 3, 4, 5, 6),
                    new double[] {0.1, 500.1});
            ByteBuffer bytes = ByteBuffer.wrap(part.toBytes()).order(ByteOrder.LITTLE_ENDIAN);
            assertEquals("KDPA", new String(bytes.array(), 0, 4, StandardCharsets.US_ASCII));
            int[] header = new int[5];
            bytes.position(4).asIntBuffer().get(header);
            assertArrayEquals(new int[] {1, 1, 2, 1, 3}, header);
            double[] numbers = new double[10];
            bytes.position(HEADER).asDoubleBuffer().get(numbers);
            assertArrayEquals(new double[] {0.1, 500.1, 1, 1, 1, 2, 3, 4, 5, 6}, numbers);
            assertEquals(part.byteSize(), bytes.capacity());
        }
    }

    private static String refusal(byte[] bytes) {
        return assertThrows(IllegalArgumentException.class, () -> PartialAttention.fromBytes(bytes)).getMessage();
    }

    @Test
    void hostileBytesAreRefused() {
        byte[] good;
        try (Arena arena = Arena.ofConfined()) {
            good = PartialAttention.of(Tensor.copyOf(arena, Shape.of(2, 2), 1, 2, 3, 4),
                    new double[] {500, Double.NEGATIVE_INFINITY}).toBytes();
        }
        assertEquals(HEADER + 8 * 8, good.length);
        for (int length = 0; length < good.length; length++) {
            assertTrue(refusal(Arrays.copyOf(good, length)).startsWith("bytes of partial attention must b"));
        }
        assertEquals("bytes of partial attention must be as many as its shape (1, 1, 2, 2) needs, got 89",
                refusal(Arrays.copyOf(good, good.length + 1)));
        assertEquals("bytes of partial attention must begin with the int 0x4150444b, got 0x41504400",
                refusal(with(good, 0, 0)));
        assertEquals("bytes of partial attention must have version 1, got 2", refusal(with(good, 4, 2)));
        for (int at = 8; at < HEADER; at++) {
            for (int value : new int[] {0, 0x7f, 0x80, 0xff}) {
                if ((good[at] & 0xff) != value) {
                    refusal(with(good, at, value));
                }
            }
        }
        byte[] huge = good.clone();
        ByteBuffer.wrap(huge).order(ByteOrder.LITTLE_ENDIAN).putInt(8, 1 << 15).putInt(12, 1 << 15)
                .putInt(16, 1 << 15).putInt(20, 1 << 15);
        assertTrue(refusal(huge).contains("needs, got 88"));
        String inRow = " in row 0 of head 0 of batch item 0";
        assertEquals("reference must be within float32 or -Infinity, got NaN" + inRow,
                refusal(with(good, 0, Double.NaN)));
        assertEquals("reference must be within float32 or -Infinity, got 1.0E39" + inRow,
                refusal(with(good, 0, 1e39)));
        assertEquals("sum must be between 1 and 2^100, got -1.0" + inRow, refusal(with(good, 2, -1.0)));
        assertEquals("sum must be between 1 and 2^100, got NaN" + inRow, refusal(with(good, 2, Double.NaN)));
        refusal(with(good, 2, 0.0));
        refusal(with(good, 2, Double.POSITIVE_INFINITY));
        assertEquals("value must be finite, within float32 times the sum, got 1.0E39" + inRow,
                refusal(with(good, 4, 1e39)));
        refusal(with(good, 5, Double.NaN));
        refusal(with(good, 5, Double.NEGATIVE_INFINITY));
        assertEquals("sum must be 0 where the reference is -Infinity, got 1.0 in row 1 of head 0 of batch item 0",
                refusal(with(good, 3, 1.0)));
        refusal(with(good, 6, 1.0));
        refusal(with(good, 7, Double.NaN));
        assertThrows(NullPointerException.class, () -> PartialAttention.fromBytes(null));
    }

    @Test
    void randomBytesAreRefusedOrGiveFiniteOutput() {
        Case drawn = draw(0);
        byte[] good = plain(drawn.shard(0, 7)).toBytes();
        int accepted = 0;
        try (Arena arena = Arena.ofConfined()) {
            for (int round = 0; round < 2000; round++) {
                byte[] bytes = good.clone();
                for (int i = random.nextInt(3); i >= 0; i--) {
                    bytes[random.nextInt(round % 2 == 0 ? 64 : bytes.length)] = (byte) random.nextInt();
                }
                PartialAttention part;
                try {
                    part = PartialAttention.fromBytes(bytes);
                } catch (IllegalArgumentException e) {
                    assertTrue(e.getMessage().contains("must"), e.getMessage());
                    continue;
                }
                accepted++;
                for (float x : part.merge(part).output(arena).toArray()) {
                    assertTrue(Float.isFinite(x));
                }
            }
        }
        assertTrue(accepted > 0 && accepted < 2000, accepted + " accepted");
    }

    private static byte[] with(byte[] bytes, int at, int value) {
        byte[] changed = bytes.clone();
        changed[at] = (byte) value;
        return changed;
    }

    private static byte[] with(byte[] bytes, int index, double value) {
        byte[] changed = bytes.clone();
        ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN).putDouble(HEADER + 8 * index, value);
        return changed;
    }

    @Test
    void whatDoesNotFitIsRefused() {
        try (Arena arena = Arena.ofConfined()) {
            Tensor output = Tensor.copyOf(arena, Shape.of(2, 1), 1, Float.NaN);
            assertEquals("logSumExp must have shape (1, 1, 2, 1), got (1, 1, 1, 1)", refusal(output,
                    Tensor.allocate(arena, Shape.of(1, 1))));
            assertEquals("output must be finite, within float32 times the sum, got NaN in row 1 of head 0 of batch item"
                    + " 0", refusal(output, Tensor.allocate(arena, Shape.of(2, 1))));
            assertEquals("logSumExp must be within float32 or -Infinity, got Infinity in row 0 of head 0 of batch item"
                    + " 0", refusal(output, Tensor.copyOf(arena, Shape.of(2, 1), Float.POSITIVE_INFINITY, 0)));
            assertEquals("logSumExp must have 2 elements for an output of shape (1, 1, 2, 1), got 3",
                    assertThrows(IllegalArgumentException.class,
                            () -> PartialAttention.of(output, new double[3])).getMessage());
            PartialAttention one = PartialAttention.of(output, new double[] {0, Double.NEGATIVE_INFINITY});
            PartialAttention other = PartialAttention.of(output.rows(0, 1), new double[1]);
            assertEquals("all parts must have shape (1, 1, 2, 1), got (1, 1, 1, 1)",
                    assertThrows(IllegalArgumentException.class, () -> one.merge(other)).getMessage());
            assertEquals("parts must be one or more, got none", assertThrows(IllegalArgumentException.class,
                    () -> PartialAttention.merge(List.of())).getMessage());
            assertThrows(IndexOutOfBoundsException.class, () -> one.reference(0, 0, 2));
            assertThrows(IndexOutOfBoundsException.class, () -> one.value(0, 0, 0, 1));
            Tensor wide = Tensor.of(output.segment(), Shape.of(1 << 20, 1 << 12), 0, 0, 0, 0);
            assertThrows(IllegalArgumentException.class, () -> PartialAttention.of(wide, new double[1 << 20]));
        }
    }

    private static String refusal(Tensor output, Tensor logSumExp) {
        return assertThrows(IllegalArgumentException.class, () -> PartialAttention.of(output, logSumExp)).getMessage();
    }
}
