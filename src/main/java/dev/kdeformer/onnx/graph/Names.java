package dev.kdeformer.onnx.graph;

/** Names out of a file, made fit for a message. */
public final class Names {
    private static final int SHOWN = 80;

    private Names() {
    }

    /** The name, short and without control characters. */
    public static String shown(String name) {
        StringBuilder shown = new StringBuilder();
        for (int i = 0; i < Math.min(name.length(), SHOWN); i++) {
            char c = name.charAt(i);
            shown.append(Character.isISOControl(c) || Character.isSurrogate(c) ? '?' : c);
        }
        return shown.append(name.length() > SHOWN ? "..." : "").toString();
    }
}
