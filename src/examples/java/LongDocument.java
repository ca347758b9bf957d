///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 22+
//REPOS mavenlocal,mavencentral
//DEPS dev.kdeformer:kdeformer:0.1.0
//DEPS com.microsoft.onnxruntime:onnxruntime:1.29.0
//DEPS ai.djl.huggingface:tokenizers:0.38.0
//DEPS dev.langchain4j:langchain4j-embeddings:1.19.0-beta29
//RUNTIME_OPTIONS --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED

import dev.kdeformer.langchain4j.LongEmbeddingModel;
import dev.kdeformer.onnx.OnnxOptions;
import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.onnx.OnnxEmbeddingModel;
import dev.langchain4j.model.embedding.onnx.PoolingMode;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.store.embedding.CosineSimilarity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A long document as one vector: in one piece, in pieces of 512 tokens whose vectors are averaged, and as langchain4j's
 * own model has it. That is meant to cut every 510 tokens, but in 1.19 its tokenizer ends there, or earlier if
 * tokenizer.json says so, and the rest of the document is lost. Time, and the most memory that the process held.
 */
public class LongDocument {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path CLEAR = Path.of("/proc/self/clear_refs");

    /** Embeds the text of a file: model.onnx tokenizer.json text.txt [positions that the model's are stretched to]. */
    public static void main(String[] args) throws Exception {
        Path model = Path.of(args[0]);
        Path tokenizer = Path.of(args[1]);
        List<TextSegment> text = List.of(TextSegment.from(Files.readString(Path.of(args[2]))));
        OnnxOptions options = OnnxOptions.defaults().withPositions(args.length > 3 ? Integer.parseInt(args[3]) : 0);
        Embedding whole = embed("one piece", LongEmbeddingModel.builder(model, tokenizer).options(options), text);
        Embedding pieces = embed("pieces of 512", LongEmbeddingModel.builder(model, tokenizer).maxTokens(512), text);
        Embedding theirs = embed("langchain4j", new OnnxEmbeddingModel(model, tokenizer, PoolingMode.MEAN), text);
        System.out.printf("cosine of one piece and pieces of 512 %.6f%n", CosineSimilarity.between(whole, pieces));
        System.out.printf("cosine of one piece and langchain4j %.6f%n", CosineSimilarity.between(whole, theirs));
    }

    private static Embedding embed(String name, LongEmbeddingModel.Builder builder, List<TextSegment> text)
            throws Exception {
        try (LongEmbeddingModel model = builder.build()) {
            return embed(name, model, text);
        }
    }

    private static Embedding embed(String name, EmbeddingModel model, List<TextSegment> text) throws IOException {
        model.embedAll(text);                                     // the first call warms the virtual machine up
        System.gc();
        if (Files.isWritable(CLEAR)) {
            Files.writeString(CLEAR, "5");                        // Linux counts the peak anew
        }
        long start = System.nanoTime();
        Response<List<Embedding>> response = model.embedAll(text);
        System.out.printf("%s: %d tokens, %d ms, peak %s%n", name, response.tokenUsage().inputTokenCount(),
                (System.nanoTime() - start) / 1_000_000, peak());
        return response.content().get(0);
    }

    private static String peak() throws IOException {
        return Files.isReadable(STATUS) ? Files.readAllLines(STATUS).stream().filter(line -> line.startsWith("VmHWM:"))
                .map(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024 + " MiB").findFirst().orElse("?") : "?";
    }
}
