package dev.kdeformer.cli.input;

import dev.kdeformer.io.Npy;
import dev.kdeformer.io.NpyArray;
import dev.kdeformer.io.TensorFormatException;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;

/**
 * A file of truth values or whole numbers, which say what is seen, or of numbers to add to logits.
 *
 * @param element        the element type as NumPy calls it, for messages
 * @param saysWhatIsSeen whether it is not numbers to add
 * @param dimensions     its dimensions
 * @param values         the numbers to add, row by row
 */
record MaskFile(String element, boolean saysWhatIsSeen, List<Long> dimensions, float[] values) {
    /**
     * Reads a file.
     *
     * @param name what to call it in messages
     * @throws TensorFormatException if it is no such file, or holds a whole number that is neither 0 nor 1
     * @throws IOException           if it cannot be read
     */
    static MaskFile read(Path file, String name) throws IOException {
        NpyArray array;
        try {
            array = NpyArray.read(file);
        } catch (TensorFormatException e) {
            return numbers(file, e);
        }
        int bytes = switch (array.element()) {
            case "f4", "i4" -> Integer.BYTES;
            case "i8" -> Long.BYTES;
            default -> 1;
        };
        boolean whole = !array.element().equals("f4");
        float[] values = new float[array.data().limit() / bytes];
        for (int i = 0; i < values.length; i++) {
            values[i] = !whole ? array.data().getFloat(i * bytes) : seen(switch (bytes) {
                case Long.BYTES -> array.data().getLong(i * bytes);
                case Integer.BYTES -> array.data().getInt(i * bytes);
                default -> array.data().get(i);
            }, name, i);
        }
        return new MaskFile(array.element(), whole, array.dimensions(), values);
    }

    private static float seen(long value, String name, int index) throws TensorFormatException {
        if (value != 0 && value != 1) {
            throw new TensorFormatException(name, "the whole number at index " + index + " is " + value
                    + "; 0 hides a key and 1 shows it");
        }
        return value == 1 ? 0 : Float.NEGATIVE_INFINITY;
    }

    /** Half and double precision, which the tensors' own reader knows, of two dimensions and more. */
    private static MaskFile numbers(Path file, TensorFormatException otherwise) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            Tensor tensor = Npy.read(file, arena);
            return new MaskFile("numbers", false, Npy.readHeader(file).dimensions(), tensor.toArray());
        } catch (TensorFormatException e) {
            throw otherwise;
        }
    }

    /** What is added to the logit at an index; the usual stand-ins for −∞ hide a key like it. */
    float bias(int index) {
        float value = values[index];
        return value <= -Float.MAX_VALUE ? Float.NEGATIVE_INFINITY : value;
    }
}
