package dev.kdeformer.onnx.graph;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;

/**
 * Where a model's file is, and where tensors lie that it keeps in other files. Symbolic links are followed, because a
 * model hub's cache keeps links to files in another folder and ONNX Runtime reads weights only below one folder.
 *
 * @param shown  the path as the user gave it
 * @param asked  the folder that the model's own references start from
 * @param folder the folder that the references in parts of the model start from
 * @param name   the model's file name in that folder
 * @param length its bytes
 */
public record Place(String shown, Path asked, Path folder, String name, long length) {
    static Place of(Path file, long length) throws IOException {
        Path real = file.toRealPath();
        return new Place(file.toString(), file.toAbsolutePath().normalize().getParent(), real.getParent(),
                real.getFileName().toString(), length);
    }

    /**
     * Where a tensor in another file lies, as a reference that starts from {@link #folder}.
     *
     * @param entries external_data of the tensor
     */
    String external(String tensor, Map<String, String> entries) throws OnnxFormatException {
        String location = entries.getOrDefault("location", "");
        Path file;
        try {
            file = asked.resolve(location).normalize();
        } catch (InvalidPathException e) {
            throw error(tensor, "'" + Names.shown(location) + "', which is no file name");
        }
        if (location.isEmpty() || !file.startsWith(asked)) {
            throw error(tensor, "'" + Names.shown(location) + "', which is not below the model's folder");
        }
        long offset = number(tensor, entries.getOrDefault("offset", "0"));
        try {
            Path real = file.toRealPath();
            long size = Files.size(real);
            long length = entries.containsKey("length") ? number(tensor, entries.get("length")) : size - offset;
            if (offset > size || length < 0 || length > size - offset) {
                throw error(tensor, "'" + Names.shown(location) + "' at byte " + offset + " with " + length
                        + " bytes, but the file has " + size);
            }
            return (real.startsWith(folder) ? folder.relativize(real) : folder.relativize(file)).toString();
        } catch (IOException e) {
            if (e instanceof OnnxFormatException own) {
                throw own;
            }
            throw error(tensor, "'" + Names.shown(location) + "', which cannot be read");
        }
    }

    private long number(String tensor, String text) throws OnnxFormatException {
        try {
            long value = Long.parseLong(text);
            if (value >= 0) {
                return value;
            }
        } catch (NumberFormatException e) {
            // the same sentence as for a negative number
        }
        throw error(tensor, "offset or length '" + Names.shown(text) + "', which is no whole number");
    }

    private OnnxFormatException error(String tensor, String problem) {
        return new OnnxFormatException(shown, "tensor '" + Names.shown(tensor) + "' lies in " + problem);
    }
}
