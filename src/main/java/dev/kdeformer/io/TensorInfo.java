package dev.kdeformer.io;

import java.util.List;

/**
 * What a .safetensors file says about one of its tensors, already compared with the length of the file.
 *
 * @param name       its name
 * @param dtype      its element type as the file states it, such as {@code F16}; also one that is not read
 * @param dimensions its dimensions, of any number
 * @param begin      its first byte, counted from the end of the header
 * @param end        the byte after its last
 */
public record TensorInfo(String name, String dtype, List<Long> dimensions, long begin, long end) {
    /** Keeps a copy of the dimensions. */
    public TensorInfo {
        dimensions = List.copyOf(dimensions);
    }
}
