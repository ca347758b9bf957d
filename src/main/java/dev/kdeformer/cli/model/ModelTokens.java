package dev.kdeformer.cli.model;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.UsageError;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The tokens of a text. */
public final class ModelTokens {
    private ModelTokens() {
    }

    /**
     * Reads a text and cuts it into tokens, all of them.
     *
     * @param tokenizer a tokenizer.json, null if there is none
     * @throws UsageError  if there is no tokenizer
     * @throws IOException if a file cannot be read
     * @throws Failure     if the text is not in UTF-8 or the tokenizer makes nothing of it
     */
    public static long[] of(Path text, Path tokenizer) throws IOException {
        if (tokenizer == null) {
            throw new UsageError("--text needs a tokenizer, and there is no tokenizer.json beside the model; "
                    + "--tokenizer names one");
        }
        String content;
        try {
            content = Files.readString(text);
        } catch (MalformedInputException e) {
            throw new Failure(text + ": not a text in UTF-8", e);
        }
        // Its native library goes into the temporary folder, not into the home, and nothing is looked up on the net.
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("ENGINE_CACHE_DIR", Path.of(System.getProperty("java.io.tmpdir"), "kdebench-djl")
                .toString());
        try (HuggingFaceTokenizer cutter = HuggingFaceTokenizer.newInstance(tokenizer, Map.of("truncation", "false",
                "padding", "false", "modelMaxLength", String.valueOf(Integer.MAX_VALUE)))) {
            return cutter.encode(content).getIds();
        } catch (NoClassDefFoundError e) {
            throw new Failure("--text needs the library tokenizers-VERSION.jar of ai.djl.huggingface on Maven Central "
                    + "in kdebench's folder lib", e);
        }
    }
}
