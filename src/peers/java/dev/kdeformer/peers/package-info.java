/**
 * Adapters to ONNX Runtime and PyTorch, compiled and packed only by the Maven profile {@code peers}; nothing else
 * depends on them.
 */
package dev.kdeformer.peers;
