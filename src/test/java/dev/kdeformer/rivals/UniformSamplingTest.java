package dev.kdeformer.rivals;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.sampling.CounterRandom;
import org.junit.jupiter.api.Test;

class UniformSamplingTest {
    @Test
    void attendsTheDrawnKeys() {
        AttentionInput input = RivalChecks.rich(1, 31, 83);
        int samples = 20;
        RivalChecks.agrees(Attention.uniform().samples(samples).seed(5).build(), input, 2e-6, true,
                (b, h, q, k, v, bias) -> {
                    int[] visible = RivalChecks.visible(bias);
                    int unit = b * input.kvHeads() + h / input.groupSize();
                    int[] drawn = CounterRandom.of(5).stream(unit).sample(visible.length, samples);
                    double[][] result = new double[q.length][];
                    for (int i = 0; i < q.length; i++) {
                        double[] logits = new double[samples];
                        double[][] values = new double[samples][];
                        for (int s = 0; s < samples; s++) {
                            int j = visible[drawn[s]];
                            logits[s] = input.scale() * RivalChecks.dot(q[i], k[j]) + bias[j]
                                    + Math.log((double) visible.length / samples);
                            values[s] = v[j];
                        }
                        result[i] = RivalChecks.softmax(logits, values);
                    }
                    return result;
                });
    }

    @Test
    void isExactWhenAllKeysAreDrawn() {
        RivalChecks.isExact(Attention.uniform().samples(83).build(), RivalChecks.rich(2, 31, 83), 3e-6, true);
    }

    @Test
    void theSumOfExponentialsIsUnbiased() {
        AttentionInput input = TestInputs.of(3).normal(1, 1, 1, 3, 200, 4, 2);
        ReferenceAttention exact = ReferenceAttention.of(input);
        double[] mean = new double[3];
        int seeds = 400;
        for (int seed = 0; seed < seeds; seed++) {
            RivalChecks.Result result = RivalChecks.run(Attention.uniform().samples(40).seed(seed).build(), input, 1);
            for (int i = 0; i < 3; i++) {
                mean[i] += Math.exp(result.sum(0, 0, i) - exact.logSumExp(0, 0)[i]) / seeds;
            }
        }
        for (double m : mean) {
            assertEquals(1, m, 0.05);
        }
    }

    @Test
    void staysFinite() {
        RivalChecks.staysFinite(Attention.uniform().samples(10).build(), true);
    }

    @Test
    void doesNotDependOnThreads() {
        RivalChecks.sameForAnyThreads(Attention.uniform().build(), true);
    }

    @Test
    void countsTheKeysItEvaluates() {
        AttentionInput input = TestInputs.of(4).normal(1, 2, 1, 50, 300, 8, 8);
        assertEquals(64, RivalChecks.run(Attention.uniform().columns(64).build(), input, 1).columns());
    }

    @Test
    void refusesNoSamples() {
        assertThrows(IllegalArgumentException.class, () -> Attention.uniform().samples(0));
    }
}
