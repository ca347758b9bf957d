package dev.kdeformer.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;

/**
 * An array of a .npy file in whatever number of dimensions: f4, i4, i8, u1 or truth values, in C order.
 *
 * @param element    f4, i4, i8, u1 or b1
 * @param dimensions its dimensions
 * @param data       its elements in native byte order, direct memory
 */
public record NpyArray(String element, List<Long> dimensions, ByteBuffer data) {
    /**
     * Reads a file.
     *
     * @throws TensorFormatException if it is not such an array, is shorter or longer than its header says, or has 2 GB
     *                               or more
     * @throws IOException           if it cannot be read
     */
    public static NpyArray read(Path file) throws IOException {
        try (InputFile in = InputFile.open(file)) {
            NpyHeaderParser header = NpyHeaderParser.parsed(in);
            String element = header.elementWithoutOrder();
            int bytes = switch (element) {
                case "f4", "i4" -> 4;
                case "i8" -> 8;
                case "u1", "b1" -> 1;
                default -> throw in.error("element type " + HeaderScanner.quoted(element)
                        + " is not read; allowed are f4, i4, i8, u1 and b1");
            };
            if (header.isFortranOrder()) {
                throw in.error("the array is in Fortran order; allowed is C order");
            }
            long left = in.remaining();
            long count = left / bytes;
            for (long size : header.dimensions()) {
                if (size == 0 || count % size != 0) {
                    throw in.error("shape " + header.dimensions() + " of " + element + " does not fit the " + left
                            + " bytes that follow the header");
                }
                count /= size;
            }
            if (count != 1 || left % bytes != 0 || left > Integer.MAX_VALUE) {
                throw in.error("shape " + header.dimensions() + " of " + element + " does not fit the " + left
                        + " bytes that follow the header, or these are 2 GB or more");
            }
            ByteBuffer data = ByteBuffer.allocateDirect((int) left).order(ByteOrder.nativeOrder());
            in.read(data);
            if (header.byteOrder() != ByteOrder.nativeOrder()) {
                reverse(data, bytes);
            }
            return new NpyArray(element, header.dimensions(), data.flip().order(ByteOrder.nativeOrder()));
        }
    }

    private static void reverse(ByteBuffer data, int bytes) {
        for (int at = 0; at < data.limit(); at += bytes) {
            for (int i = 0; i < bytes / 2; i++) {
                byte low = data.get(at + i);
                data.put(at + i, data.get(at + bytes - 1 - i));
                data.put(at + bytes - 1 - i, low);
            }
        }
    }
}
