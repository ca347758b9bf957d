package dev.kdeformer.cli;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Mask;
import dev.kdeformer.cli.bench.Refusals;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.methods.MethodOptions;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.OutputFiles;
import dev.kdeformer.cli.training.ModelFile;
import dev.kdeformer.cli.training.PerplexityBench;
import dev.kdeformer.cli.training.PerplexityReport;
import dev.kdeformer.cli.training.Texts;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import dev.kdeformer.train.Checkpoint;
import dev.kdeformer.train.Text;
import dev.kdeformer.train.Transformer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Judges methods by what they cost a language model. */
@Command(name = "perplexity",
        description = {"Bits per byte of unseen text with the attention of a trained model replaced: by each of "
            + "--methods, by pilot attention calibrated layer by layer, and by a sliding window of the first method's "
            + "cost; with the time of attention and of the whole model."},
        footer = {"", "Examples:", "  kdebench perplexity --n 4096",
            "  kdebench perplexity --model model/model.safetensors --text book.txt --methods pilot,hyper --per-layer"})
final class PerplexityCommand extends TimedCommand {
    private static final int LONGEST = 1 << 20;

    @Mixin
    private ModelFile modelFile;

    @Option(names = "--text", paramLabel = "FILE", arity = "1..*", order = 1,
            description = "Text to judge on, which the model must not have seen (default: embedded documents).")
    private List<Path> text = new ArrayList<>();

    @Option(names = "--n", paramLabel = "N", split = ",", order = 2, defaultValue = "4096,16384,32768",
            description = "Bytes of a sequence, comma-separated (default: ${DEFAULT-VALUE}).")
    private List<Integer> lengths;

    @Option(names = "--sequences", paramLabel = "S", order = 3, defaultValue = "3",
            description = "Sequences of each length (default: ${DEFAULT-VALUE}).")
    private int sequences;

    @Option(names = "--methods", paramLabel = "NAME", split = ",", order = 20,
            defaultValue = "pilot,kdeformer,hyper",
            description = "Methods, comma-separated (default: ${DEFAULT-VALUE}); 'kdebench methods' lists them.")
    private List<String> methods;

    @Mixin
    private MethodOptions methodOptions;

    @Option(names = "--calibrate", paramLabel = "LOSS", order = 24, defaultValue = "0.005",
            description = "Choose for each layer the cheapest pilot attention that all together may add this part to "
                    + "the loss, on text of its own (default: ${DEFAULT-VALUE}; 0 for no calibration).")
    private double limit;

    @Option(names = "--per-layer", order = 25, description = "Replace every layer alone too.")
    private boolean perLayer;

    private final Refusals refusals = new Refusals(null);

    private List<AttentionMethod> made;
    private Text judged;

    @Override
    void check(OutputFiles files) {
        for (int n : lengths) {
            if (n < 2 || n > LONGEST) {
                throw new UsageError("--n must be between 2 and " + LONGEST + ", got " + n);
            }
        }
        if (sequences < 1 || sequences > 10_000) {
            throw new UsageError("--sequences must be between 1 and 10000, got " + sequences);
        }
        if (!(limit >= 0 && limit <= 1)) {
            throw new UsageError("--calibrate must be between 0 and 1, got " + limit);
        }
        List<String> names = new ArrayList<>(methods);
        names.remove(Methods.EXACT);
        made = decoders(names.isEmpty() ? List.of() : methodOptions.make(names, seed()));
    }

    @Override
    Form work(Session session) throws IOException {
        judged = text.isEmpty() ? Texts.embeddedHeldOut() : Texts.whole(text);
        int longest = lengths.stream().max(Integer::compare).orElseThrow();
        if ((sequences + 1L) * longest >= judged.length()) {
            throw new UsageError("--n " + longest + " with --sequences " + sequences + " and one more to calibrate on "
                    + "needs more than " + (sequences + 1L) * longest + " bytes of text, got " + judged.length());
        }
        return modelFile.open(checkpoint -> run(checkpoint, session));
    }

    /** Those of the methods that take a causal mask. */
    private List<AttentionMethod> decoders(List<AttentionMethod> all) {
        try (Arena arena = Arena.ofConfined()) {
            Tensor nothing = Tensor.allocate(arena, Shape.of(0, 1));
            List<AttentionMethod> able = refusals.taking(all, AttentionInput.of(nothing, nothing, nothing)
                    .withMask(Mask.causal()));
            refusals.check(able);
            return able;
        }
    }

    private PerplexityReport run(Checkpoint checkpoint, Session session) throws IOException {
        if (!checkpoint.shape().isDecoder()) {
            throw new UsageError("--model must be a decoder, got a classifier");
        }
        try (Transformer model = checkpoint.model(session.engine())) {
            PerplexityBench bench = new PerplexityBench(session.engine(), model, judged, sequences);
            for (int n : lengths) {
                bench.run(n, made, limit == 0 ? Double.NaN : limit, perLayer, session.progress());
            }
            return new PerplexityReport(ModelFile.words(checkpoint),
                    sequences + " sequences of each length from " + judged.length() + " bytes of "
                            + (text.isEmpty() ? "embedded documents" : Texts.names(text)),
                    session.engine().threads(), bench.rows(), refusals.reasons());
        }
    }
}
