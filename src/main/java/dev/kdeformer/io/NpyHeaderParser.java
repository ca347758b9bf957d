package dev.kdeformer.io;

import dev.kdeformer.tensor.Shape;
import java.io.IOException;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Parses the header of a .npy file: a magic string, a version, a length and a Python dictionary of three entries
 * (NumPy, {@code numpy.lib.format}). Bytes after the last element are let be, as NumPy does. Only the literals that
 * such a dictionary is made of are understood.
 */
final class NpyHeaderParser {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final int MAX_LENGTH = 1 << 16;
    private static final String DICTIONARY = "the dictionary";
    private static final String ALLOWED = "allowed are f2, f4 and f8 in either byte order, and bfloat16 as V2";

    private final InputFile in;
    private HeaderScanner scanner;
    private String element;
    private Boolean fortranOrder;
    private List<Long> dimensions;

    private NpyHeaderParser(InputFile in) {
        this.in = in;
    }

    /**
     * Reads a header from the start of the file and leaves the file at its first element.
     *
     * @param leastRank 2, or 1 where an array of one dimension is a column
     */
    static NpyHeader read(InputFile in, int leastRank) throws IOException {
        NpyHeaderParser parser = new NpyHeaderParser(in);
        return parser.check(parser.parse(), leastRank);
    }

    /**
     * Reads a header of whatever element type and dimensions, which are still to be compared with the file's length.
     */
    static NpyHeaderParser parsed(InputFile in) throws IOException {
        NpyHeaderParser parser = new NpyHeaderParser(in);
        parser.parse();
        parser.requireKeys();
        return parser;
    }

    /** The element type without its byte order. */
    String elementWithoutOrder() {
        return hasOrder() ? element.substring(1) : element;
    }

    boolean isFortranOrder() {
        return fortranOrder;
    }

    List<Long> dimensions() {
        return dimensions;
    }

    ByteOrder byteOrder() {
        return order();
    }

    /** Reads the header's text and understands it; returns the version. */
    private int parse() throws IOException {
        int version = version(in);
        int lengthBytes = version == 1 ? 2 : 4;
        if (in.remaining() < lengthBytes) {
            throw in.error("the file ends within its first " + (MAGIC.length + 2 + lengthBytes) + " bytes");
        }
        long length = littleEndian(in.read(lengthBytes));
        if (length > in.remaining()) {
            throw in.error("the header should have " + length + " bytes, but only " + in.remaining()
                    + " are left in the file");
        }
        if (length > MAX_LENGTH) {
            throw in.error("the header has " + length + " bytes; at most " + MAX_LENGTH + " are allowed");
        }
        scanner = new HeaderScanner(in.name(), in.read((int) length));
        dictionary();
        return version;
    }

    private static int version(InputFile in) throws IOException {
        if (in.length() < MAGIC.length + 2) {
            throw in.error("this is not a .npy file: it has only " + in.length() + " bytes");
        }
        byte[] start = in.read(MAGIC.length + 2);
        for (int i = 0; i < MAGIC.length; i++) {
            if (start[i] != MAGIC[i]) {
                boolean zip = start[0] == 'P' && start[1] == 'K';
                throw in.error("this is not a .npy file: it does not start with the bytes 93 'NUMPY'"
                        + (zip ? "; it looks like a .npz or other zip archive, which has to be unpacked first" : ""));
            }
        }
        int major = start[MAGIC.length] & 0xFF;
        int minor = start[MAGIC.length + 1] & 0xFF;
        if (major < 1 || major > 3 || minor != 0) {
            throw in.error("the .npy format version is " + major + "." + minor + "; allowed are 1.0, 2.0 and 3.0");
        }
        return major;
    }

    private static long littleEndian(byte[] bytes) {
        long value = 0;
        for (int i = bytes.length - 1; i >= 0; i--) {
            value = value << 8 | bytes[i] & 0xFF;
        }
        return value;
    }

    private void dictionary() throws TensorFormatException {
        scanner.expect('{', "the header length");
        while (!scanner.accept('}')) {
            String key = string("a key of " + DICTIONARY);
            scanner.expect(':', "key " + HeaderScanner.quoted(key));
            switch (key) {
                case "descr" -> {
                    once(key, element);
                    element = element();
                }
                case "fortran_order" -> {
                    once(key, fortranOrder);
                    fortranOrder = bool();
                }
                case "shape" -> {
                    once(key, dimensions);
                    dimensions = tuple();
                }
                default -> throw scanner.error("unknown key " + HeaderScanner.quoted(key)
                        + "; allowed are 'descr', 'fortran_order' and 'shape'");
            }
            if (!scanner.accept(',')) {
                scanner.expect('}', "an entry of " + DICTIONARY);
                break;
            }
        }
        scanner.expectEnd(DICTIONARY);
    }

    private void once(String key, Object earlier) throws TensorFormatException {
        if (earlier != null) {
            throw scanner.error("key '" + key + "' is there twice");
        }
    }

    private void requireKeys() throws TensorFormatException {
        String missing = element == null ? "descr" : fortranOrder == null ? "fortran_order"
                : dimensions == null ? "shape" : null;
        if (missing != null) {
            throw in.error("the header has no key '" + missing + "'");
        }
    }

    private NpyHeader check(int version, int leastRank) throws TensorFormatException {
        requireKeys();
        Shape shape = Dimensions.shape(in.name(), "the array", dimensions, leastRank);
        ElementType type = type();
        NpyHeader header = new NpyHeader(version, type, order(), fortranOrder, dimensions, shape,
                in.length() - in.remaining());
        // A division, because the product of shape and element size may be beyond a long.
        long there = in.remaining() / type.bytes();
        String needs = "shape " + Dimensions.text(dimensions) + " of " + HeaderScanner.quoted(element) + " needs "
                + shape.elements() + " elements of " + type.bytes() + " bytes, but ";
        if (there < shape.elements()) {
            throw in.error(needs + "only " + in.remaining() + " bytes follow the header");
        }
        return header;
    }

    private ElementType type() throws TensorFormatException {
        String kind = hasOrder() ? element.substring(1) : element;
        return switch (kind) {
            case "f2" -> ElementType.F16;
            case "f4" -> ElementType.F32;
            case "f8" -> ElementType.F64;
            case "V2" -> ElementType.BF16; // NumPy knows no bfloat16: ml_dtypes writes it as two bytes without a type
            case "V1" -> throw in.error("element type " + HeaderScanner.quoted(element) + " is one byte without a type,"
                    + " as ml_dtypes writes its 8-bit floats (fp8), which are not read; " + ALLOWED);
            case "O" -> throw in.error("the array holds Python objects, which are never read; " + ALLOWED);
            default -> throw in.error("element type " + HeaderScanner.quoted(element)
                    + " is not read; " + ALLOWED);
        };
    }

    /** NumPy takes '=' and an element size without order as native, and '|' too where it is not meaningless. */
    private ByteOrder order() {
        return switch (element.charAt(0)) {
            case '<' -> ByteOrder.LITTLE_ENDIAN;
            case '>' -> ByteOrder.BIG_ENDIAN;
            default -> ByteOrder.nativeOrder();
        };
    }

    private boolean hasOrder() {
        return !element.isEmpty() && "<>=|".indexOf(element.charAt(0)) >= 0;
    }

    private String element() throws TensorFormatException {
        int c = scanner.token();
        if (c == '[' || c == '(') {
            throw scanner.error("the array has a structured element type; " + ALLOWED);
        }
        return string("the element type");
    }

    private String string(String what) throws TensorFormatException {
        int quote = scanner.token();
        if (quote != '\'' && quote != '"') {
            throw scanner.unexpected("a quoted string for " + what);
        }
        scanner.next();
        StringBuilder value = new StringBuilder();
        for (int c = scanner.peek(); c != quote; c = scanner.peek()) {
            if (c < ' ' || c > '~' || c == '\\') {
                throw scanner.unexpected("a plain character in " + what);
            }
            value.append((char) c);
            scanner.next();
        }
        scanner.next();
        return value.toString();
    }

    private boolean bool() throws TensorFormatException {
        int first = scanner.token();
        String literal = first == 'T' ? "True" : "False";
        for (int i = 0; i < literal.length(); i++) {
            if (scanner.peek() != literal.charAt(i)) {
                throw scanner.unexpected("True or False for 'fortran_order'");
            }
            scanner.next();
        }
        return first == 'T';
    }

    private List<Long> tuple() throws TensorFormatException {
        if (!scanner.accept('(')) {
            throw scanner.unexpected("a tuple such as (2, 3) for 'shape'");
        }
        List<Long> values = new ArrayList<>();
        boolean comma = false;
        while (!scanner.accept(')')) {
            if (!values.isEmpty() && !comma) {
                throw scanner.unexpected("',' or ')' after a dimension");
            }
            if (values.size() == Dimensions.MAX_RANK) {
                throw scanner.error("the shape has more than " + Dimensions.MAX_RANK + " dimensions");
            }
            values.add(scanner.natural("a dimension"));
            if (scanner.peek() == 'L') { // as NumPy on Python 2 wrote integers
                scanner.next();
            }
            comma = scanner.accept(',');
        }
        if (values.size() == 1 && !comma) {
            throw scanner.error("the shape must be a tuple such as (2, 3), got the number " + values.get(0));
        }
        return values;
    }
}
