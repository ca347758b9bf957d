package dev.kdeformer.pilot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Calibration;
import dev.kdeformer.Calibration.Kind;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.Mask;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Efforts that are found once and used again. */
class CalibratedPilotTest {
    private static final Engine ENGINE = Engine.create(2);
    private static final ErrorBudget BUDGET = ErrorBudget.relativeSpectral(0.05);
    private final TestInputs make = TestInputs.of(8);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    /** Features that change slowly along the sequence, values that follow them. */
    private AttentionInput smooth(int n, int heads, int kvHeads, double speed, boolean causal) {
        AttentionInput input = make.normal(1, heads, kvHeads, n, n, 16, 8);
        for (int h = 0; h < heads; h++) {
            for (int i = 0; i < n; i++) {
                for (int c = 0; c < 16; c++) {
                    float x = (float) Math.sin(speed * i * (c + 1 + h) / n + c);
                    input.query().matrix(0, h).set(i, c, 2 * x);
                    if (h < kvHeads) {
                        input.key().matrix(0, h).set(i, c, x + 0.3f * input.key().matrix(0, h).get(i, c));
                        if (c < 8) {
                            input.value().matrix(0, h).set(i, c, x * x + 1);
                        }
                    }
                }
            }
        }
        return causal ? input.withMask(Mask.causal()) : input;
    }

    private static PilotAttention.Builder within() {
        return PilotAttention.builder().budget(BUDGET);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anEffortThatWasFoundIsUsedAgainAndTakesLess(boolean causal) {
        AttentionInput input = smooth(8300, 4, 2, 9, causal);
        Calibration found = within().build().calibrate(ENGINE, input);
        assertEquals(4, found.efforts().size());
        assertTrue(found.efforts().stream().noneMatch(each -> each.kind() == Kind.EXACT), found.toString());
        AttentionInput like = smooth(8300, 4, 2, 9.1, causal);
        Tensor exact = make.zeros(like.outputShape());
        Tensor output = make.zeros(like.outputShape());
        Attention.exact().build().apply(ENGINE, like, exact);
        AttentionMethod.Statistics searched = within().build().apply(ENGINE, like, output);
        AttentionMethod.Statistics known = within().calibration(found).build().apply(ENGINE, like, output);
        assertTrue(ErrorReport.of(ENGINE, output, exact).max().spectral() <= 0.05);
        assertEquals("", known.note());
        assertTrue(known.columns() < searched.columns(), known + " against " + searched);
    }

    @Test
    void whereItDoesNotHoldTheHeadIsSearchedForAndTheNoteSaysSo() {
        Calibration found = within().build().calibrate(ENGINE, smooth(8300, 1, 1, 2, false));
        AttentionInput other = make.normal(1, 1, 1, 8300, 8300, 16, 8);
        for (int i = 0; i < 8300; i++) {
            for (int c = 0; c < 16; c++) {
                other.query().matrix(0, 0).set(i, c, 3 * other.query().matrix(0, 0).get(i, c));
            }
        }
        Tensor exact = make.zeros(other.outputShape());
        Tensor output = make.zeros(other.outputShape());
        Attention.exact().build().apply(ENGINE, other, exact);
        AttentionMethod.Statistics done = within().calibration(found).build().apply(ENGINE, other, output);
        assertTrue(done.note().contains("the calibration did not hold for 1 of 1 heads"), done.note());
        assertTrue(ErrorReport.of(ENGINE, output, exact).max().spectral() <= 0.05);
    }

    @Test
    void bitsDoNotDependOnThreads() {
        AttentionInput input = smooth(8200, 2, 1, 9, false);
        Calibration first = null;
        float[] expected = null;
        for (int threads : new int[] {1, 2, 7}) {
            try (Engine engine = Engine.create(threads)) {
                Calibration found = within().build().calibrate(engine, input);
                Tensor output = make.zeros(input.outputShape());
                within().calibration(found).build().apply(engine, input, output);
                if (first != null) {
                    assertEquals(first, found);
                    assertArrayEquals(expected, output.toArray());
                }
                first = found;
                expected = output.toArray();
            }
        }
    }

    @Test
    void whatDoesNotFitIsRefused() {
        Calibration two = new Calibration(0.05, false, List.of(Calibration.Effort.EXACT,
                Calibration.Effort.EXACT));
        assertThrows(IllegalArgumentException.class, () -> PilotAttention.builder().calibration(two).build());
        assertThrows(IllegalArgumentException.class, () -> PilotAttention.builder()
                .budget(ErrorBudget.relativeSpectral(0.1)).calibration(two).build());
        AttentionMethod method = within().calibration(two).build();
        AttentionInput three = make.normal(1, 3, 3, 20, 20, 4, 4);
        AttentionInput causal = make.normal(1, 2, 2, 20, 20, 4, 4).withMask(Mask.causal());
        assertThrows(IllegalArgumentException.class,
                () -> method.apply(ENGINE, three, make.zeros(three.outputShape())));
        assertThrows(IllegalArgumentException.class,
                () -> method.apply(ENGINE, causal, make.zeros(causal.outputShape())));
        assertThrows(IllegalStateException.class, () -> PilotAttention.builder().build().calibrate(ENGINE, three));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aBudgetOfRowsIsKept(boolean causal) {
        AttentionInput input = smooth(causal ? 12_400 : 8300, 2, 1, 9, causal);
        ErrorBudget rows = ErrorBudget.rows(0.1, 0.95);
        Tensor exact = make.zeros(input.outputShape());
        Tensor output = make.zeros(input.outputShape());
        Attention.exact().build().apply(ENGINE, input, exact);
        AttentionMethod.Statistics done = PilotAttention.builder().budget(rows).build().apply(ENGINE, input, output);
        assertEquals("", done.note());
        assertTrue(done.error() <= 0.1, done.toString());
        for (int h = 0; h < 2; h++) {
            double norms = 0;
            double[] squares = new double[8300];
            for (int i = 0; i < 8300; i++) {
                for (int c = 0; c < 8; c++) {
                    norms += Math.pow(exact.matrix(0, h).get(i, c), 2) / 8300;
                    squares[i] += Math.pow(output.matrix(0, h).get(i, c) - exact.matrix(0, h).get(i, c), 2);
                }
            }
            double limit = 0.01 * norms;
            long good = Arrays.stream(squares).filter(each -> each <= limit).count();
            assertTrue(good >= 0.95 * 8300, good + " good rows");
        }
        AttentionMethod method = PilotAttention.builder().budget(rows).build();
        assertEquals("rows:0.1:0.95", method.parameters(input).get("budget"));
        assertThrows(IllegalStateException.class, () -> ((PilotAttention) method).calibrate(ENGINE, input));
    }
}
