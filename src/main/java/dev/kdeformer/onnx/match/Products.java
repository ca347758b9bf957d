package dev.kdeformer.onnx.match;

import dev.kdeformer.onnx.graph.Node;

/** Products of two matrices, as ONNX and ONNX Runtime's optimiser write them. */
final class Products {
    private Products() {
    }

    /** Whether a node is a batched product of two tensors of real numbers. */
    static boolean isProduct(Node node) {
        return node.is("MatMul") || isFused(node) && node.whole("transBatchA", 0) == 0
                && node.whole("transBatchB", 0) == 0;
    }

    /** The factor that a product is multiplied by. */
    static double scale(Node product) {
        return isFused(product) ? product.real("alpha", 1) : 1;
    }

    /** The first or second operand, rows and columns as they are multiplied. */
    static Operand operand(Node product, int index) {
        Operand operand = Operand.of(product.input(index));
        boolean transposed = isFused(product) && product.whole(index == 0 ? "transA" : "transB", 0) != 0;
        return transposed ? operand.swap() : operand;
    }

    private static boolean isFused(Node node) {
        return node.domain().equals("com.microsoft") && node.operator().equals("FusedMatMul");
    }
}
