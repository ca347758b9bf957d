package dev.kdeformer.onnx.run;

import dev.kdeformer.onnx.cut.Plan;
import dev.kdeformer.onnx.graph.Model;
import dev.kdeformer.onnx.graph.Node;
import dev.kdeformer.onnx.graph.PartFile;
import dev.kdeformer.onnx.graph.Weight;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * About how much memory a run takes outside of attention: what passes between the parts, and what ONNX Runtime makes
 * inside of one, of which the widest products with weights have most.
 *
 * @param perRow floats for each row of each batch item
 * @param fixed  floats whatever the length is
 */
public record RunMemory(double perRow, double fixed) {
    /** Tensors as wide as the widest product that are there at a time: it, what is made of it, and a spare. */
    private static final int WIDE = 3;

    private static final Set<String> PRODUCTS = Set.of("MatMul", "Gemm", "MatMulInteger", "DynamicQuantizeMatMul",
            "MatMulIntegerToFloat", "FusedMatMul");

    /** The memory of a cut model, by the sizes that ONNX Runtime has inferred. */
    static RunMemory of(Model model, Plan plan, Map<String, PartFile.Given> declared) {
        Set<String> made = new HashSet<>();
        RunMemory most = new RunMemory(0, 0);
        for (int stage = 0; stage < plan.parts().size(); stage++) {
            Plan.Part part = plan.parts().get(stage);
            made.addAll(part.outputs());
            double perRow = WIDE * widest(part.nodes(), model.weights());
            double fixed = 0;
            for (String value : made) {
                if (plan.lastUse().getOrDefault(value, Integer.MAX_VALUE) < stage) {
                    continue;
                }
                PartFile.Given given = declared.get(value);
                long known = 1;
                boolean open = false;
                for (long size : given == null || given.sizes() == null ? new long[] {0} : given.sizes()) {
                    known *= Math.max(1, size);
                    open |= size < 0;
                }
                perRow += open ? known : 0;
                fixed += open ? 0 : known;
            }
            most = new RunMemory(Math.max(most.perRow, perRow), Math.max(most.fixed, fixed));
        }
        return most;
    }

    /** Columns of the widest product with a weight. */
    private static long widest(List<Node> nodes, Map<String, Weight> weights) {
        long widest = 0;
        for (Node node : nodes) {
            Weight weight = PRODUCTS.contains(node.operator()) ? weights.get(node.input(1)) : null;
            if (weight != null && weight.sizes().length == 2) {
                boolean turned = node.operator().equals("Gemm") && node.whole("transB", 0) != 0;
                widest = Math.max(widest, weight.sizes()[turned ? 0 : 1]);
            }
        }
        return widest;
    }

    /** Bytes of a run. */
    public double bytes(int batch, long rows) {
        return Float.BYTES * (perRow * batch * rows + fixed);
    }
}
