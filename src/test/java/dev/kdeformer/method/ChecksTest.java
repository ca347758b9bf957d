package dev.kdeformer.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Bad input is refused with a sentence that names it, and the output keeps what it held. */
class ChecksTest {
    private static final Shape SHAPE = Shape.of(1, 2, 5, 3);

    private final Engine engine = Engine.create(1);
    private Arena arena;
    private Tensor query;
    private Tensor key;
    private Tensor value;
    private Tensor output;

    @BeforeEach
    void open() {
        arena = Arena.ofConfined();
        query = filled(SHAPE);
        key = filled(SHAPE);
        value = filled(SHAPE);
        output = filled(SHAPE);
    }

    @AfterEach
    void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
        engine.close();
    }

    private Tensor filled(Shape shape) {
        Tensor tensor = Tensor.allocate(arena, shape);
        tensor.segment().asByteBuffer().order(java.nio.ByteOrder.nativeOrder()).asFloatBuffer()
                .put(values((int) shape.elements()));
        return tensor;
    }

    private static float[] values(int count) {
        float[] values = new float[count];
        Arrays.fill(values, 0.5f);
        return values;
    }

    private void refused(Class<? extends Exception> type, AttentionInput input, Tensor out, Tensor sums,
            String... parts) {
        float[] before = arena.scope().isAlive() ? output.toArray() : null;
        Exception e = assertThrows(type, () -> Attention.exact().build().apply(engine, input, out, sums));
        for (String part : parts) {
            assertTrue(e.getMessage().contains(part), e.getMessage() + " lacks " + part);
        }
        if (before != null) {
            assertArrayEquals(before, output.toArray());
        }
    }

    private AttentionInput input() {
        return AttentionInput.of(query, key, value);
    }

    @Test
    void outputOfAnotherShape() {
        refused(IllegalArgumentException.class, input(), filled(Shape.of(1, 2, 5, 4)), null, "output",
                "(1, 2, 5, 3)", "(1, 2, 5, 4)");
        refused(IllegalArgumentException.class, input(), output, filled(SHAPE), "logSumExp", "(1, 2, 5, 1)");
    }

    @Test
    void overlaps() {
        refused(IllegalArgumentException.class, input(), query, null, "output", "overlap query");
        Tensor shared = Tensor.of(value.segment().asSlice(4), Shape.of(1, 2, 4, 3));
        Tensor shortQuery = filled(Shape.of(1, 2, 4, 3));
        refused(IllegalArgumentException.class, AttentionInput.of(shortQuery, key, value), shared, null,
                "overlap value");
        Tensor itself = Tensor.of(filled(SHAPE).segment(), SHAPE, 15, 0, 3, 1);
        refused(IllegalArgumentException.class, input(), itself, null, "overlap itself", "(15, 0, 3, 1)");
        Tensor sums = Tensor.of(output.segment(), SHAPE.withColumns(1));
        refused(IllegalArgumentException.class, input(), output, sums, "logSumExp", "overlap output");
    }

    @Test
    void readOnlyOutput() {
        refused(IllegalArgumentException.class, input(), Tensor.of(output.segment().asReadOnly(), SHAPE), null,
                "output", "read-only");
    }

    @Test
    void notFinite() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            for (Tensor tensor : new Tensor[] {query, key, value}) {
                float old = tensor.matrix(0, 1).get(3, 2);
                tensor.matrix(0, 1).set(3, 2, bad);
                refused(IllegalArgumentException.class, input(), output, null, "finite", String.valueOf(bad),
                        "head 1, row 3, column 2");
                tensor.matrix(0, 1).set(3, 2, old);
            }
        }
        Tensor bias = filled(Shape.of(1, 1, 1, 5));
        bias.matrix(0, 0).set(0, 4, Float.NaN);
        refused(IllegalArgumentException.class, input().withKeyBias(bias), output, null, "key bias", "key 4");
    }

    @Test
    void paddingMayHoldAnything() {
        key.matrix(0, 0).set(4, 0, Float.NaN);
        value.matrix(0, 1).set(4, 0, Float.POSITIVE_INFINITY);
        Attention.exact().build().apply(engine, input().withMask(Mask.none().withKeyLengths(4)), output);
        for (float x : output.toArray()) {
            assertTrue(Math.abs(x - 0.5f) < 1e-6);
        }
    }

    @Test
    void logitsAndSumsBeyondFloat32() {
        query.matrix(0, 0).set(0, 0, 1e25f);
        key.matrix(0, 0).set(0, 0, 1e25f);
        refused(IllegalArgumentException.class, input(), output, null, "logits", "1.0E25");
        key.matrix(0, 0).set(0, 0, 0);
        query.matrix(0, 0).set(0, 0, 0);
        value.matrix(0, 0).set(0, 0, 1e36f);
        refused(IllegalArgumentException.class, input(), output, null, "value", "1.0E36");
    }

    @Test
    void closedMemoryAndEngine() {
        AttentionInput input = input();
        arena.close();
        refused(IllegalStateException.class, input, output, null, "closed");
        arena = Arena.ofConfined();
        query = filled(SHAPE);
        key = filled(SHAPE);
        value = filled(SHAPE);
        output = filled(SHAPE);
        engine.close();
        refused(IllegalStateException.class, input(), output, null, "engine", "closed");
    }
}
