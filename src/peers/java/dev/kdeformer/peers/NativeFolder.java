package dev.kdeformer.peers;

import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where JavaCPP unpacks PyTorch's libraries, some 400 MB: beside the adapters' jar, not in the user's home folder. */
final class NativeFolder {
    private static final String PROPERTY = "org.bytedeco.javacpp.cachedir";

    private NativeFolder() {
    }

    /**
     * Tells JavaCPP, unless the user already has; to be called before the first class of the bindings is initialised.
     *
     * @throws UnsupportedOperationException if the folder cannot be written
     */
    static void choose() {
        if (System.getProperty(PROPERTY) != null) {
            return;
        }
        Path adapters;
        try {
            adapters = Path.of(NativeFolder.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        } catch (URISyntaxException e) {
            throw new UnsupportedOperationException("the folder of the adapters has no path: " + e.getMessage(), e);
        }
        Path folder = adapters.resolveSibling("native");
        if (!Files.isWritable(Files.exists(folder) ? folder : folder.getParent())) {
            throw new UnsupportedOperationException("PyTorch's libraries are unpacked into " + folder
                    + ", which cannot be written; -D" + PROPERTY + "=FOLDER names another");
        }
        System.setProperty(PROPERTY, folder.toString());
    }
}
