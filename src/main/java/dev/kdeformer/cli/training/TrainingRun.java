package dev.kdeformer.cli.training;

import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.report.PlotFile;
import dev.kdeformer.train.Batch;
import dev.kdeformer.train.Checkpoint;
import dev.kdeformer.train.ModelAttention;
import dev.kdeformer.train.Text;
import dev.kdeformer.train.Trainer;
import dev.kdeformer.train.TrainingPlan;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;

/** The loop of a training: steps, reports, checkpoints. */
public final class TrainingRun {
    /** The checkpoint's file name in the run's folder. */
    public static final String CHECKPOINT = "checkpoint.safetensors";
    /** The file name of the model alone. */
    public static final String MODEL = "model.safetensors";

    private static final String LOG = "log.csv";
    private static final int REPORTS = 50;
    private static final int JUDGED_BYTES = 32_768;
    private static final double SECONDS_BETWEEN_SAVES = 60;
    private static final double NANOS = 1e9;

    private final Trainer trainer;
    private final TrainingPlan plan;
    private final ModelAttention attention;
    private final Texts texts;
    private final Path folder;
    private final Path plot;
    private final double secondsBetweenSaves;
    private final TrainingLog log = new TrainingLog();
    private long saved;

    private double lossSum;
    private long lossSteps;
    private long reportStart;
    private long reportBytes;
    private long attentionBefore;

    /**
     * A run.
     *
     * @param folder where checkpoint, model and log go, or null
     * @param plot   where the curve is drawn, or null
     */
    public TrainingRun(Trainer trainer, TrainingPlan plan, ModelAttention attention, Texts texts, Path folder,
            Path plot) {
        this(trainer, plan, attention, texts, folder, plot, SECONDS_BETWEEN_SAVES);
    }

    /** A run with checkpoints as often as that. */
    TrainingRun(Trainer trainer, TrainingPlan plan, ModelAttention attention, Texts texts, Path folder, Path plot,
            double secondsBetweenSaves) {
        this.trainer = trainer;
        this.plan = plan;
        this.attention = attention;
        this.texts = texts;
        this.folder = folder;
        this.plot = plot;
        this.secondsBetweenSaves = secondsBetweenSaves;
    }

    /**
     * Trains to the end of the plan, or until the minutes are over.
     *
     * @param minutes may be infinite
     * @throws IOException if the log or a checkpoint cannot be read or written
     */
    public void run(PrintWriter out, Progress progress, double minutes) throws IOException {
        if (folder != null) {
            log.read(folder.resolve(LOG), trainer.bytes());
        }
        out.println(TrainingLog.heading());
        out.flush();
        long start = System.nanoTime();
        saved = start;
        begin(start);
        long every = Math.max(1, plan.schedule().total() / REPORTS);
        while (!trainer.isDone()) {
            Trainer.Step step = trainer.step(texts.train(), attention);
            lossSum += step.bitsPerByte();
            lossSteps++;
            double seconds = (System.nanoTime() - reportStart) / NANOS;
            double speed = (step.bytes() - reportBytes) / seconds;
            progress.stage(String.format(Locale.ROOT, "step %d, %.4f bits per byte, %.0f bytes per second, %s left",
                    step.step(), step.bitsPerByte(), speed, TrainingLog.time(left(step, speed))));
            boolean over = (System.nanoTime() - start) / NANOS > 60 * minutes;
            if (step.bytes() / every > reportBytes / every || trainer.isDone() || over) {
                report(step, out);
            }
            if ((System.nanoTime() - saved) / NANOS > secondsBetweenSaves || trainer.isDone() || over) {
                save();
            }
            if (over) {
                break;
            }
        }
    }

    private void begin(long now) {
        lossSum = 0;
        lossSteps = 0;
        reportStart = now;
        reportBytes = trainer.bytes();
        attentionBefore = attention.forwardNanos() + attention.backwardNanos();
    }

    private double left(Trainer.Step step, double speed) {
        return Math.max(0, plan.schedule().total() - step.bytes()) / speed;
    }

    private void report(Trainer.Step step, PrintWriter out) {
        long nanos = System.nanoTime() - reportStart;
        double speed = (step.bytes() - reportBytes) * NANOS / nanos;
        double share = (double) (attention.forwardNanos() + attention.backwardNanos() - attentionBefore) / nanos;
        out.println(log.add(step, lossSum / lossSteps, judge(step.length()), speed, share, left(step, speed)));
        out.flush();
        begin(System.nanoTime());
    }

    /** Bits per byte of the same held-out bytes at every report, in sequences of the present length. */
    private double judge(int length) {
        Text text = texts.heldOut();
        int longest = Math.min(length, text.length() - 1);
        int count = Math.max(1, Math.min(JUDGED_BYTES, text.length() - 1) / longest);
        double sum = 0;
        long asked = 0;
        for (int i = 0; i < count; i++) {
            Batch batch = text.at((int) ((long) i * (text.length() - 1 - longest) / Math.max(1, count - 1)), longest);
            sum += trainer.model().loss(batch, attention);
            asked += batch.asked();
        }
        return sum / asked / Math.log(2);
    }

    private void save() throws IOException {
        if (folder != null) {
            trainer.save(folder.resolve(CHECKPOINT), texts.about() + " " + texts.mark());
            Checkpoint.writeModel(folder.resolve(MODEL), trainer.model(), trainer.bytes(), texts.about());
            log.write(folder.resolve(LOG));
        }
        if (plot != null && !log.isEmpty()) {
            PlotFile.write(plot, log.drawings());
        }
        saved = System.nanoTime();
    }
}
