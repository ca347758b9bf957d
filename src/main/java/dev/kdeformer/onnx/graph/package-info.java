/**
 * ONNX files as they lie on disk: a reader of the protocol buffer that leaves large tensors where they are, and a
 * writer of model files whose tensors are references into the file that was read. Field numbers are those of
 * onnx.proto of the ONNX project. Depends on nothing.
 *
 * <p>Files are read as hostile input: every length is checked against what is left of the file before it is used,
 * subgraphs may be nested only so deep, and whatever is wrong ends in a
 * {@link dev.kdeformer.onnx.graph.OnnxFormatException}. The file stays mapped while its model is in use, as it does in
 * ONNX Runtime, which maps the same bytes.
 */
package dev.kdeformer.onnx.graph;
