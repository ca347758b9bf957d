/**
 * What an adapter to another attention engine has to offer so that {@code kdebench peers} can time it.
 *
 * <p>Adapters that need an ONNX model write it themselves: it is a protocol buffer of a few hundred bytes and six kinds
 * of messages, for which the library of protocol buffers and its generated classes would be a dependency larger than
 * the adapter.
 */
package dev.kdeformer.cli.peers;
