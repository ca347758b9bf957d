package dev.kdeformer.peers;

import java.nio.Buffer;

/**
 * A tensor of a peer.
 *
 * @param name   its name in the model
 * @param buffer its elements in row-major order, float32 or int32, direct memory
 * @param sizes  its sizes
 */
record Feed(String name, Buffer buffer, long... sizes) {
}
