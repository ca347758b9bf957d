/**
 * Transformers in ONNX files on this engine: a model is opened as it is, its attentions are computed here and the rest
 * in ONNX Runtime.
 *
 * <p>{@link dev.kdeformer.onnx.OnnxTransformer} is the entry. Below it, each depending only on those before: the file
 * ({@code graph}), what is attention in it ({@code match}), its parts ({@code cut}), the run ({@code run}).
 */
package dev.kdeformer.onnx;
