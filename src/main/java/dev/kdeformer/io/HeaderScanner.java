package dev.kdeformer.io;

/** A cursor over the text of a header: what the two header grammars share. Space between tokens is skipped. */
final class HeaderScanner {
    private static final int SHOWN = 60;

    private final String file;
    private final byte[] text;
    private int at;

    HeaderScanner(String file, byte[] text) {
        this.file = file;
        this.text = text;
    }

    /** The next byte as it is, or −1 at the end; does not move. */
    int peek() {
        return at < text.length ? text[at] & 0xFF : -1;
    }

    /** The next byte as it is, or −1 at the end; moves past it. */
    int next() {
        int c = peek();
        at++;
        return c;
    }

    int position() {
        return at;
    }

    byte[] text() {
        return text;
    }

    /** The first byte of the next token, or −1 at the end; moves to it. */
    int token() {
        while (at < text.length && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t')) {
            at++;
        }
        return peek();
    }

    /** Moves past the next token if it is the given character. */
    boolean accept(char c) {
        if (token() != c) {
            return false;
        }
        at++;
        return true;
    }

    void expect(char c, String after) throws TensorFormatException {
        if (!accept(c)) {
            throw unexpected("'" + c + "' after " + after);
        }
    }

    void expectEnd(String after) throws TensorFormatException {
        if (token() >= 0) {
            throw unexpected("nothing but blanks after " + after);
        }
    }

    /** A decimal integer from 0 to 2⁶³ − 1. */
    long natural(String what) throws TensorFormatException {
        int c = token();
        if (c == '-') {
            throw error(what + " must not be negative");
        }
        if (c < '0' || c > '9') {
            throw unexpected("a whole number for " + what);
        }
        int first = at;
        long value = 0;
        for (c = peek(); c >= '0' && c <= '9'; c = peek()) {
            int digit = c - '0';
            if (value > (Long.MAX_VALUE - digit) / 10) {
                throw error(what + " must be below 2^63");
            }
            value = value * 10 + digit;
            at++;
        }
        if (text[first] == '0' && at - first > 1) {
            throw error(what + " must not start with a zero");
        }
        return value;
    }

    TensorFormatException unexpected(String expected) {
        int c = peek();
        String found = c < 0 ? "its end" : c > ' ' && c < 0x7F ? "'" + (char) c + "'" : String.format("byte 0x%02x", c);
        return error("expected " + expected + ", found " + found);
    }

    TensorFormatException error(String problem) {
        return new TensorFormatException(file, "header is malformed at byte " + Math.min(at, text.length) + ": "
                + problem);
    }

    /** A name out of a file, made fit for a message: quoted, short, without control characters. */
    static String quoted(String name) {
        StringBuilder shown = new StringBuilder("'");
        for (int i = 0; i < Math.min(name.length(), SHOWN); i++) {
            char c = name.charAt(i);
            shown.append(Character.isISOControl(c) || Character.isSurrogate(c) ? '?' : c);
        }
        return shown.append(name.length() > SHOWN ? "...'" : "'").toString();
    }
}
