/**
 * Cuts a model at its attentions: which nodes run before, between and after them, and which values go from one part
 * to another. Depends on the graph and on what was matched in it.
 */
package dev.kdeformer.onnx.cut;
