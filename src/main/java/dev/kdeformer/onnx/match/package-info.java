/**
 * Finds attention in an ONNX graph: the chain MatMul, Softmax, MatMul in the forms that exporters write it, and the
 * operators that are attention themselves. What is found says which values are queries, keys, values and masks and how
 * they lie in memory; nothing is computed here. Depends on the graph alone.
 */
package dev.kdeformer.onnx.match;
