package dev.kdeformer.cli.input;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.Deflater;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/**
 * The form in which float16 .npy files are embedded: gzip over all even bytes followed by all odd bytes. Signs and
 * exponents, which repeat, then stand together and apart from the mantissas, which are close to noise; plain gzip
 * saves half as much. Byte order and content of the file come back exactly.
 */
public final class Packed {
    /** What a packed file's name ends with. */
    static final String SUFFIX = ".planes.gz";

    private Packed() {
    }

    /** Packs the bytes of a file. */
    static byte[] pack(byte[] file) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(packed) {
            {
                def.setLevel(Deflater.BEST_COMPRESSION);
            }
        }) {
            gzip.write(separate(file));
        }
        return packed.toByteArray();
    }

    /** Unpacks a file from a stream that {@link #pack} made, to its end. */
    static byte[] unpack(InputStream packed) throws IOException {
        byte[] planes;
        try (GZIPInputStream gzip = new GZIPInputStream(packed, 1 << 16)) {
            planes = gzip.readAllBytes();
        }
        byte[] file = new byte[planes.length];
        int odd = (file.length + 1) / 2;
        for (int i = 0; i < file.length; i++) {
            file[i] = planes[(i & 1) == 0 ? i / 2 : odd + i / 2];
        }
        return file;
    }

    private static byte[] separate(byte[] file) {
        byte[] planes = new byte[file.length];
        int odd = (file.length + 1) / 2;
        for (int i = 0; i < file.length; i++) {
            planes[(i & 1) == 0 ? i / 2 : odd + i / 2] = file[i];
        }
        return planes;
    }
}
