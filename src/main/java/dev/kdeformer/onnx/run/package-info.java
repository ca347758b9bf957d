/**
 * Runs a cut model: the parts in ONNX Runtime, the attentions here, masks told apart by their values. The layouts and
 * the masks know tensors and the engine alone; ONNX Runtime is known to the classes that open sessions and hand values
 * over.
 */
package dev.kdeformer.onnx.run;
