package dev.kdeformer.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Parses the header of a .safetensors file: eight bytes of length and a JSON object with an entry per tensor (format
 * section of the safetensors documentation). Only the JSON that such a header is made of is understood, so there is
 * no nesting to recurse into. Checked beyond the syntax: no name twice, sizes that agree with element type and
 * dimensions, and data that the tensors cover without gap or overlap to the end of the file.
 */
final class SafetensorsHeader {
    private static final int MAX_LENGTH = 100_000_000;
    private static final String METADATA = "__metadata__";

    private final InputFile in;
    private final HeaderScanner scanner;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    private Map<String, String> metadata;
    private long dataOffset;

    private SafetensorsHeader(InputFile in, byte[] text) {
        this.in = in;
        this.scanner = new HeaderScanner(in.name(), text);
    }

    /** Reads a header from the start of the file. */
    static SafetensorsHeader read(InputFile in) throws IOException {
        if (in.length() < Long.BYTES) {
            throw in.error("this is not a .safetensors file: it has only " + in.length() + " bytes");
        }
        long length = ByteBuffer.wrap(in.read(Long.BYTES)).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (length < 0 || length > in.remaining()) {
            throw in.error("this is not a whole .safetensors file: its header should have "
                    + Long.toUnsignedString(length) + " bytes, but only " + in.remaining() + " are left in the file");
        }
        if (length > MAX_LENGTH) {
            throw in.error("the header has " + length + " bytes; at most " + MAX_LENGTH + " are allowed");
        }
        SafetensorsHeader header = new SafetensorsHeader(in, in.read((int) length));
        header.parse();
        header.dataOffset = Long.BYTES + length;
        header.checkLayout(in.remaining());
        return header;
    }

    /** The tensors by name, in the order of the header. */
    Map<String, TensorInfo> tensors() {
        return tensors;
    }

    Map<String, String> metadata() {
        return metadata == null ? Map.of() : metadata;
    }

    long dataOffset() {
        return dataOffset;
    }

    private void parse() throws TensorFormatException {
        if (scanner.peek() != '{') {
            throw scanner.unexpected("'{' at the start");
        }
        scanner.next();
        if (!scanner.accept('}')) {
            do {
                String name = string("a tensor name");
                scanner.expect(':', "name " + HeaderScanner.quoted(name));
                if (name.equals(METADATA) ? metadata != null : tensors.containsKey(name)) {
                    throw scanner.error("name " + HeaderScanner.quoted(name) + " is there twice");
                }
                if (name.equals(METADATA)) {
                    // Some writers put null where they have nothing to say.
                    metadata = scanner.token() == 'n' ? nothing() : strings();
                } else {
                    tensors.put(name, tensor(name));
                }
            } while (scanner.accept(','));
            scanner.expect('}', "an entry");
        }
        scanner.expectEnd("the JSON object");
    }

    private Map<String, String> nothing() throws TensorFormatException {
        for (char c : "null".toCharArray()) {
            if (scanner.peek() != c) {
                throw scanner.unexpected("null or '{' after name '" + METADATA + "'");
            }
            scanner.next();
        }
        return Map.of();
    }

    private Map<String, String> strings() throws TensorFormatException {
        Map<String, String> map = new LinkedHashMap<>();
        scanner.expect('{', "name '" + METADATA + "'");
        if (!scanner.accept('}')) {
            do {
                String key = string("a metadata key");
                scanner.expect(':', "a metadata key");
                if (map.put(key, string("a metadata value")) != null) {
                    throw scanner.error("metadata key " + HeaderScanner.quoted(key) + " is there twice");
                }
            } while (scanner.accept(','));
            scanner.expect('}', "a metadata value");
        }
        return map;
    }

    private TensorInfo tensor(String name) throws TensorFormatException {
        String subject = "tensor " + HeaderScanner.quoted(name);
        String dtype = null;
        List<Long> shape = null;
        List<Long> offsets = null;
        scanner.expect('{', "the name of " + subject);
        do {
            String key = string("a key of " + subject);
            scanner.expect(':', "a key of " + subject);
            boolean twice = switch (key) {
                case "dtype" -> dtype != null;
                case "shape" -> shape != null;
                case "data_offsets" -> offsets != null;
                default -> throw scanner.error("unknown key " + HeaderScanner.quoted(key) + " of " + subject
                        + "; allowed are 'dtype', 'shape' and 'data_offsets'");
            };
            if (twice) {
                throw scanner.error("key '" + key + "' of " + subject + " is there twice");
            }
            switch (key) {
                case "dtype" -> dtype = string("the dtype of " + subject);
                case "shape" -> shape = naturals("the shape of " + subject);
                default -> offsets = naturals("the data offsets of " + subject);
            }
        } while (scanner.accept(','));
        scanner.expect('}', "a value of " + subject);
        String missing = dtype == null ? "dtype" : shape == null ? "shape" : offsets == null ? "data_offsets" : null;
        if (missing != null) {
            throw scanner.error(subject + " has no key '" + missing + "'");
        }
        if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
            throw in.error(subject + " has data offsets " + offsets + "; they must be a first byte and the byte after "
                    + "the last");
        }
        TensorInfo info = new TensorInfo(name, dtype, shape, offsets.get(0), offsets.get(1));
        checkSize(info, subject);
        return info;
    }

    private List<Long> naturals(String what) throws TensorFormatException {
        List<Long> values = new ArrayList<>();
        if (!scanner.accept('[')) {
            throw scanner.unexpected("'[' for " + what);
        }
        if (!scanner.accept(']')) {
            do {
                if (values.size() == Dimensions.MAX_RANK) {
                    throw scanner.error(what + " has more than " + Dimensions.MAX_RANK + " numbers");
                }
                values.add(scanner.natural("a number of " + what));
            } while (scanner.accept(','));
            scanner.expect(']', "a number of " + what);
        }
        return values;
    }

    private void checkSize(TensorInfo info, String subject) throws TensorFormatException {
        int bits = bits(info.dtype());
        if (bits == 0) {
            return; // a type from after this was written: the tensor can be listed, and reading it is refused
        }
        long size = info.dimensions().contains(0L) ? 0 : bits;
        boolean fits = true;
        try {
            for (int i = 0; size != 0 && i < info.dimensions().size(); i++) {
                size = Math.multiplyExact(size, info.dimensions().get(i));
            }
            fits = size == Math.multiplyExact(info.end() - info.begin(), Byte.SIZE);
        } catch (ArithmeticException e) {
            fits = false;
        }
        if (!fits) {
            throw in.error(subject + " of " + info.dtype() + " with shape " + Dimensions.text(info.dimensions())
                    + " does not fill its " + (info.end() - info.begin()) + " bytes exactly");
        }
    }

    private static int bits(String dtype) {
        return switch (dtype) {
            case "F64", "I64", "U64", "C64" -> 64;
            case "F32", "I32", "U32" -> 32;
            case "F16", "BF16", "I16", "U16" -> 16;
            case "BOOL", "I8", "U8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ" -> 8;
            case "F6_E2M3", "F6_E3M2" -> 6;
            case "F4" -> 4;
            default -> 0;
        };
    }

    private void checkLayout(long dataBytes) throws TensorFormatException {
        List<TensorInfo> sorted = new ArrayList<>(tensors.values());
        sorted.sort(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end));
        long end = 0;
        for (TensorInfo info : sorted) {
            if (info.end() > dataBytes) {
                throw in.error("tensor " + HeaderScanner.quoted(info.name()) + " ends at data byte " + info.end()
                        + ", but the file has only " + dataBytes + " bytes of data");
            }
            if (info.begin() != end) {
                throw in.error("tensor " + HeaderScanner.quoted(info.name()) + " begins at data byte " + info.begin()
                        + (info.begin() < end ? ", within another tensor" : ", after a gap") + "; it must begin at "
                        + end);
            }
            end = info.end();
        }
        if (end != dataBytes) {
            throw in.error("the tensors end at data byte " + end + ", but the file has " + dataBytes
                    + " bytes of data");
        }
    }

    private String string(String what) throws TensorFormatException {
        if (!scanner.accept('"')) {
            throw scanner.unexpected("'\"' for " + what);
        }
        int start = scanner.position();
        boolean escapes = false;
        for (int c = scanner.next(); c != '"'; c = scanner.next()) {
            if (c < ' ') {
                throw scanner.error(what + (c < 0 ? " is not finished" : " has a control character"));
            }
            if (c == '\\') {
                escapes = true;
                scanner.next();
            }
        }
        ByteBuffer bytes = ByteBuffer.wrap(scanner.text(), start, scanner.position() - 1 - start);
        String raw;
        try {
            raw = StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw scanner.error(what + " is not UTF-8");
        }
        return escapes ? unescape(raw, what) : raw;
    }

    private String unescape(String raw, String what) throws TensorFormatException {
        StringBuilder value = new StringBuilder(raw.length());
        for (int i = 0; i < raw.length(); i++) {
            char c = raw.charAt(i);
            if (c != '\\') {
                value.append(c);
                continue;
            }
            int escape = "\"\\/bfnrt".indexOf(raw.charAt(++i));
            if (escape >= 0) {
                value.append("\"\\/\b\f\n\r\t".charAt(escape));
            } else if (raw.charAt(i) == 'u') {
                value.append(hex(raw, i + 1, what));
                i += 4;
            } else {
                throw scanner.error(what + " has an unknown escape");
            }
        }
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(value)) {
            throw scanner.error(what + " has half a surrogate pair");
        }
        return value.toString();
    }

    private char hex(String raw, int from, String what) throws TensorFormatException {
        int code = 0;
        for (int i = from; i < from + 4; i++) {
            int digit = i < raw.length() && raw.charAt(i) < 0x80 ? Character.digit(raw.charAt(i), 16) : -1;
            if (digit < 0) {
                throw scanner.error(what + " has an escape without four hexadecimal digits");
            }
            code = code << 4 | digit;
        }
        return (char) code;
    }
}
