package dev.kdeformer.onnx.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.kdeformer.Engine;
import dev.kdeformer.PairBias;
import dev.kdeformer.onnx.graph.ElementKind;
import dev.kdeformer.onnx.match.MaskTerm;
import dev.kdeformer.onnx.match.Site;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Masks of so many rows that several threads share them. */
class MaskScanTest {
    private static final int BATCH = 2;
    private static final int N = 301;

    /** What is added to the logit of query i and key j. */
    private interface Summand {
        float of(int b, int i, int j);
    }

    private enum Masks {
        CAUSAL("causal", (b, i, j) -> j <= i ? 0 : Float.NEGATIVE_INFINITY),
        CAUSAL_LEFT_PADDED("causal, key bias", (b, i, j) -> j <= i && j >= 40 * b ? 0 : -Float.MAX_VALUE),
        DOCUMENTS("key ranges", (b, i, j) -> i / 90 == j / 90 ? 0 : -1e9f),
        WEIGHTS_OF_KEYS("key bias", (b, i, j) -> i == 17 ? 0.5f * (j % 3) - 1 : 0.5f * (j % 3) - 1),
        DISTANCES("distance bias", (b, i, j) -> -0.25f * Math.abs(i - j)),
        DISTANCES_BUT_ONE("dense bias", (b, i, j) -> i == 280 && j == 3 ? 1 : -0.25f * Math.abs(i - j)),
        GLOBAL_KEYS("dense mask", (b, i, j) -> j == 5 || Math.abs(i - j) < 9 ? 0 : Float.NEGATIVE_INFINITY),
        EMPTY_ROWS("none", (b, i, j) -> i % 70 == 69 ? Float.NEGATIVE_INFINITY : 0);

        private final String kind;
        private final Summand summand;

        Masks(String kind, Summand summand) {
            this.kind = kind;
            this.summand = summand;
        }

        MaskForm form(int threads) throws CannotRun {
            float[] values = new float[BATCH * N * N];
            for (int at = 0; at < values.length; at++) {
                values[at] = summand.of(at / (N * N), at / N % N, at % N);
            }
            return scanned(values, threads);
        }
    }

    private static MaskForm scanned(float[] values, int threads) throws CannotRun {
        Grid grid = new Grid(BATCH, 3, N, N, new long[] {BATCH, 3}, false);
        TermView view = TermView.of(MaskTerm.add("mask", ""), new RawTensor(MemorySegment.ofArray(values),
                ElementKind.FLOAT, new long[] {BATCH, 1, N, N}), grid, name -> null);
        try (Engine engine = Engine.create(threads)) {
            return MaskScan.scan(engine, Site.Causal.NONE, grid, List.of(view));
        }
    }

    @ParameterizedTest
    @EnumSource
    void comesToTheSameOnAnyNumberOfThreads(Masks masks) throws CannotRun {
        MaskForm one = masks.form(1);
        assertEquals(masks.kind, one.kind());
        for (int threads : new int[] {2, 4}) {
            MaskForm many = masks.form(threads);
            assertEquals(one.kind(), many.kind());
            assertEquals(one.mask().toString(), many.mask().toString());
            assertArrayEquals(numbers(one), numbers(many));
            assertEquals(one.special(), many.special());
            assertEquals(one.shifts(), many.shifts());
            for (int i = 0; one.pairs() != null && i < N; i++) {
                assertArrayEquals(row(one, i), row(many, i));
            }
        }
    }

    private static float[] numbers(MaskForm form) {
        return form.bias() == null ? null : form.bias().numbers();
    }

    private static float[] row(MaskForm form, int query) {
        float[] row = new float[N];
        form.pairs().fill(new PairBias.Piece(1, 2, query, 1, 0, N), row, N);
        return row;
    }

    /** The row that is read first decides, whichever thread comes to a bad one first. */
    @Test
    void refusesTheFirstRowThatItCannotTake() {
        float[] values = new float[BATCH * N * N];
        SplittableRandom random = new SplittableRandom(1);
        values[20 * N + random.nextInt(N)] = Float.NaN;
        values[290 * N + random.nextInt(N)] = Float.POSITIVE_INFINITY;
        for (int threads = 1; threads <= 4; threads++) {
            int count = threads;
            assertEquals("its mask holds NaN",
                    assertThrows(CannotRun.class, () -> scanned(values, count)).getMessage());
        }
    }
}
