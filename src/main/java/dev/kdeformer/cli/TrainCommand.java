package dev.kdeformer.cli;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.bench.EngineOptions;
import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.Terminal;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.methods.MethodOptions;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.OutputFiles;
import dev.kdeformer.cli.report.PlotFile;
import dev.kdeformer.cli.training.ModelOptions;
import dev.kdeformer.cli.training.PlanOptions;
import dev.kdeformer.cli.training.Texts;
import dev.kdeformer.cli.training.TrainingRun;
import dev.kdeformer.train.Checkpoint;
import dev.kdeformer.train.ModelAttention;
import dev.kdeformer.train.ModelShape;
import dev.kdeformer.train.Trainer;
import dev.kdeformer.train.TrainingPlan;
import dev.kdeformer.train.Transformer;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Trains a language model on bytes. */
@Command(name = "train",
        description = {"Train a decoder on the bytes of text, forward and backward on this engine: root-mean-square "
            + "norms, rotary positions, grouped-query heads of 64 features, gated MLP, tied embedding; AdamW.",
            "It prints the loss in bits per byte, on what is trained on and on text that is held out."},
        footer = {"", "Examples:",
            "  kdebench train --layers 2 --width 128 --heads 2 --kv-heads 1 --hidden 352 --n 256 --bytes 1500k",
            "  kdebench train --out model --text book.txt --bytes 60M", "  kdebench train --out model --resume"})
final class TrainCommand implements Callable<Integer> {
    /** Value, gradient, two moments, and the packed weights of both directions. */
    private static final int FLOATS_PER_PARAMETER = 6;
    /** What the JVM holds for itself, code and the engine's scratch memory included. */
    private static final double JVM_BYTES = 200 << 20;

    @Option(names = "--text", paramLabel = "FILE", arity = "1..*", order = 0,
            description = "Files to train on, of any bytes, .gz unpacked (default: embedded documentation).")
    private List<Path> text = new ArrayList<>();

    @Option(names = "--held-out", paramLabel = "FRACTION|FILE", order = 1, defaultValue = "0.05",
            description = "The part at the end of --text that is judged on and not trained on, or a file to judge on "
                    + "(default: ${DEFAULT-VALUE}).")
    private String heldOut;

    @Mixin
    private PlanOptions planOptions;

    @Mixin
    private ModelOptions modelOptions;

    @Option(names = "--method", paramLabel = "NAME", order = 21, defaultValue = Methods.EXACT,
            description = "Attention, forward and backward: exact, kdeformer, hyper or pilot, the last three at a "
                    + "fixed cost (default: ${DEFAULT-VALUE}).")
    private String method;

    @Mixin
    private MethodOptions methodOptions;

    @Mixin
    private EngineOptions engineOptions;

    @Option(names = "--recompute-above", paramLabel = "BYTES", order = 32, defaultValue = "16384",
            description = "Bytes of a step above which layers keep only their input and the output of attention, and "
                    + "compute the rest again (default: ${DEFAULT-VALUE}).")
    private int recomputeAbove;

    @Option(names = "--minutes", paramLabel = "M", order = 33, defaultValue = "Infinity",
            description = "Stop after so many minutes, to go on later with --resume.")
    private double minutes;

    @Option(names = "--out", paramLabel = "FOLDER", order = 40,
            description = "Write checkpoint, model (half precision) and log there, every minute and at the end; "
                    + "without it the model is not kept.")
    private Path out;

    @Option(names = "--resume", order = 41, description = "Go on from the checkpoint in --out.")
    private boolean resume;

    @Option(names = "--plot", paramLabel = "FILE.svg|FILE.png", order = 53, description = "Draw the curve.")
    private Path plot;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        check();
        AttentionMethod made = methodOptions.makeDifferentiable(method, engineOptions.seed());
        Checkpoint before = resume ? Checkpoint.open(out.resolve(TrainingRun.CHECKPOINT)) : null;
        TrainingPlan plan = planOptions.plan(before == null ? null : before.plan(), engineOptions.seed());
        ModelShape shape = before == null ? modelOptions.shape() : before.shape();
        Texts texts = text.isEmpty() ? Texts.embedded() : Texts.of(text, heldOut);
        checkText(texts, plan, before);
        double bytes = 4.0 * FLOATS_PER_PARAMETER * shape.parameters()
                + Transformer.stepBytes(shape, plan.largestStep(), recomputeAbove)
                + texts.train().length() + texts.heldOut().length();
        Machine.requireMemory(bytes + JVM_BYTES, "training on steps of " + plan.largestStep() + " bytes");
        if (bytes > Runtime.getRuntime().maxMemory()) {
            throw new Failure("not enough memory: steps of " + plan.largestStep() + " bytes need about "
                    + Sentences.bytes(bytes) + ", and this Java may use " + Sentences.bytes(
                            Runtime.getRuntime().maxMemory()) + "; set KDEBENCH_OPTS=-Xmx with more");
        }
        PrintWriter report = spec.commandLine().getOut();
        report.println(shape.parameters() + " parameters, " + shape.layers() + " layers, width " + shape.width() + ", "
                + shape.heads() + " heads (" + shape.kvHeads() + " of keys), attention " + made.name() + "; "
                + texts.train().length() + " bytes of text, " + texts.heldOut().length() + " held out ("
                + texts.about() + "); memory about " + Sentences.bytes(bytes + JVM_BYTES));
        if (out != null) {
            Files.createDirectories(out);
        }
        try (Engine engine = engineOptions.engine();
                Trainer trainer = before == null ? Trainer.start(shape, plan, engine, recomputeAbove)
                        : Trainer.resume(before, plan, engine, recomputeAbove);
                Progress progress = new Progress(spec.commandLine().getErr(), Terminal.showsErrors(),
                        () -> (double) trainer.bytes() / plan.schedule().total())) {
            ModelAttention attention = ModelAttention.same(engine, made, shape.layers());
            new TrainingRun(trainer, plan, attention, texts, out, plot).run(report, progress, minutes);
            report.println(end(trainer));
        }
        return 0;
    }

    private String end(Trainer trainer) {
        String done = trainer.isDone() ? "Done" : "Stopped after --minutes " + minutes;
        return String.format(Locale.ROOT, "%s: %d steps, %d bytes. %s", done, trainer.steps(), trainer.bytes(),
                out == null ? "The model is not kept (--out FOLDER keeps it)."
                        : "The model is " + out.resolve(TrainingRun.MODEL) + ".");
    }

    private void check() {
        if (resume && out == null) {
            throw new UsageError("--resume needs the --out of the run that goes on");
        }
        if (out != null && !resume && Files.exists(out.resolve(TrainingRun.CHECKPOINT))) {
            throw new UsageError("--out " + out + " holds a checkpoint; add --resume or take another folder");
        }
        if (!(minutes > 0)) {
            throw new UsageError("--minutes must be above 0, got " + minutes);
        }
        if (plot != null) {
            if (!PlotFile.isKnown(plot)) {
                throw new UsageError("--plot must end in .svg or .png, got " + plot);
            }
            new OutputFiles().add("--plot", plot);
        }
    }

    private static void checkText(Texts texts, TrainingPlan plan, Checkpoint before) {
        if (plan.longest() >= texts.train().length()) {
            throw new UsageError("--n " + plan.longest() + " needs a longer text, got " + texts.train().length()
                    + " bytes to train on");
        }
        if (before != null && !before.about().endsWith(" " + texts.mark())) {
            throw new UsageError("--text is not what the run began with, which was " + before.about());
        }
    }
}
