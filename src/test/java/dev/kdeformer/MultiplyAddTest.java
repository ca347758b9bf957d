package dev.kdeformer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.reference.ChildJvm;
import dev.kdeformer.reference.GradientChecking;
import dev.kdeformer.reference.PlainFloatAttention;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.ReferenceGradient;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.runtime.MultiplyAdd;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What methods compute where a product and a sum are rounded one after the other. */
class MultiplyAddTest {
    @TempDir
    private Path folder;

    /** Runs in a process of its own as well. */
    static final class Program {
        private Program() {
        }

        public static void main(String[] args) {
            System.out.println("fused " + MultiplyAdd.FUSED);
            errors().forEach((name, error) -> System.out.println(error + " " + name));
        }

        /** The errors of some calls against double precision. */
        static Map<String, Double> errors() {
            Map<String, Double> errors = new LinkedHashMap<>();
            TestInputs make = TestInputs.of(11);
            try (Engine engine = Engine.create(1); Arena arena = Arena.ofShared()) {
                for (TestInputs.Case each : TestInputs.all(12)) {
                    AttentionInput input = each.input();
                    ReferenceAttention exact = ReferenceAttention.of(input);
                    Tensor output = make.zeros(input.outputShape());
                    Tensor plain = make.zeros(input.outputShape());
                    Attention.exact().build().apply(engine, input, output);
                    PlainFloatAttention.apply(input, plain, make.zeros(input.outputShape().withColumns(1)));
                    // As plain float32 rounds both, its error is what this one has to be measured by.
                    errors.put("exact, " + each.name(), Math.max(0, exact.spectralError(output)
                            - 2 * exact.spectralError(plain)));
                }
                AttentionInput input = make.normal(1, 2, 1, 500, 700, 16, 8).withScale(0.4f);
                ReferenceAttention exact = ReferenceAttention.of(input);
                for (AttentionMethod method : List.of(Attention.pilot().near(64).tile(64).build(),
                        Attention.pilot().near(64).unbiased(64).build(), Attention.kdeformer().build(),
                        Attention.provable().build(), Attention.reformer().build(), Attention.scatterbrain().build(),
                        Attention.wildcat().build())) {
                    Tensor output = make.zeros(input.outputShape());
                    method.apply(engine, input, output);
                    errors.put(method.name() + " " + method.parameters(), exact.spectralError(output));
                }
                Tensor weights = make.tensor(input.outputShape(), 1);
                errors.put("gradient", GradientChecking.run(engine, Attention.exact().build(), input, weights)
                        .error(ReferenceGradient.of(input, weights)));
                Tensor k = Tensor.copyOf(arena, Shape.of(2, 1), 1e5f, 2e5f);
                Tensor v = Tensor.copyOf(arena, Shape.of(2, 1), 1, 2);
                Tensor output = make.zeros(Shape.of(1, 1));
                AttentionInput far = AttentionInput.of(k.rows(0, 1), k, v).withScale(3);
                Attention.exact().build().apply(engine, far, output);
                errors.put("logits of 6e10", ReferenceAttention.of(far).spectralError(output));
            }
            return errors;
        }
    }

    @Test
    void twoStepsAreAsCloseToTheTruthAsOne() throws Exception {
        ChildJvm.Result result = ChildJvm.start(folder, List.of(ChildJvm.MODULE, "-XX:-UseFMA",
                "-XX:TieredStopAtLevel=4"), Program.class.getName()).end();
        assertEquals(0, result.code(), result.err());
        List<String> lines = result.out().lines().toList();
        assertEquals("fused false", lines.get(0));
        Map<String, Double> fused = Program.errors();
        assertEquals(fused.size() + 1, lines.size());
        for (String line : lines.subList(1, lines.size())) {
            String[] parts = line.split(" ", 2);
            double bound = 1.2 * fused.get(parts[1]) + 2e-6;
            assertTrue(Double.parseDouble(parts[0]) <= bound, line + ", above " + bound);
        }
    }
}
