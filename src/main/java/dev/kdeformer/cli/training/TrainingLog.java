package dev.kdeformer.cli.training;

import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Panel;
import dev.kdeformer.io.AtomicFile;
import dev.kdeformer.train.Trainer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The curve of a run: a line for every report, of which a file keeps those up to its checkpoint. */
final class TrainingLog {
    private static final String HEADER = "step,bytes,n,bitsPerByte,heldOutBitsPerByte,rate,norm,bytesPerSecond,"
            + "attentionShare";

    private final List<String> lines = new ArrayList<>();
    private final List<double[]> trained = new ArrayList<>();
    private final List<double[]> heldOut = new ArrayList<>();

    /** Lines of the table on standard output. */
    static String heading() {
        return String.format(Locale.ROOT, "%8s %9s %6s %10s %9s %8s %8s %10s %9s", "step", "bytes", "n", "bits/byte",
                "held out", "rate", "norm", "bytes/s", "left");
    }

    /**
     * Adds a report.
     *
     * @param mean            bits per byte of the steps since the last report
     * @param judged          bits per byte of held-out text
     * @param attentionShare  the part of the time that attention and its gradients took
     * @param secondsLeft     to the end of the run
     * @return the line for people
     */
    String add(Trainer.Step step, double mean, double judged, double bytesPerSecond, double attentionShare,
            double secondsLeft) {
        add(String.format(Locale.ROOT, "%d,%d,%d,%.5f,%.5f,%.3g,%.3g,%.1f,%.3f", step.step(), step.bytes(),
                step.length(), mean, judged, step.rate(), step.norm(), bytesPerSecond, attentionShare));
        return String.format(Locale.ROOT, "%8d %9s %6d %10.4f %9.4f %8.2g %8.2g %10.0f %9s", step.step(),
                Quantity.text(step.bytes()), step.length(), mean, judged, step.rate(), step.norm(), bytesPerSecond,
                time(secondsLeft));
    }

    private void add(String line) {
        lines.add(line);
        String[] cells = line.split(",");
        double bytes = Double.parseDouble(cells[1]);
        trained.add(new double[] {bytes, Double.parseDouble(cells[3])});
        heldOut.add(new double[] {bytes, Double.parseDouble(cells[4])});
    }

    /** A time in words. */
    static String time(double seconds) {
        if (!(seconds < 1e9)) {
            return "?";
        }
        long s = Math.round(seconds);
        return s >= 3600 ? String.format(Locale.ROOT, "%dh%02dm", s / 3600, s / 60 % 60)
                : String.format(Locale.ROOT, "%dm%02ds", s / 60, s % 60);
    }

    /** Takes the lines of an earlier run up to the checkpoint that it goes on from. */
    void read(Path file, long bytes) throws IOException {
        if (!Files.exists(file)) {
            return;
        }
        for (String line : Files.readAllLines(file)) {
            try {
                if (!line.equals(HEADER) && Long.parseLong(line.split(",")[1]) <= bytes) {
                    add(line);
                }
            } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
                continue; // a line that somebody else wrote is no part of the curve
            }
        }
    }

    void write(Path file) throws IOException {
        String text = HEADER + "\n" + String.join("\n", lines) + "\n";
        AtomicFile.write(file, out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
    }

    /** Whether there is no report yet. */
    boolean isEmpty() {
        return lines.isEmpty();
    }

    List<Drawing> drawings() {
        Panel panel = new Panel("bits per byte over bytes seen", "bytes", "bits per byte", true);
        panel.add("trained on", trained);
        panel.add("held out", heldOut);
        return List.of(panel);
    }
}
