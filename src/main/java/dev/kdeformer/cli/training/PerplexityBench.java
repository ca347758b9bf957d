package dev.kdeformer.cli.training;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.train.Batch;
import dev.kdeformer.train.ModelAttention;
import dev.kdeformer.train.Text;
import dev.kdeformer.train.Transformer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.StringJoiner;

/** Bits per byte of unseen text with the attention of a model replaced, and the time of attention and of the whole. */
public final class PerplexityBench {
    /** Budgets of key evaluations that calibration chooses from, cheapest first. */
    private static final int[] COLUMNS = {128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072};

    /** The part of the allowed loss that calibration uses up: other text loses up to twice what its own does. */
    private static final double SAFE = 0.35;

    private static final int WARM_UP = 4096;
    private static final double MILLI = 1e6;

    private final Engine engine;
    private final Transformer model;
    private final Text text;
    private final int sequences;
    private final List<PerplexityReport.Row> rows = new ArrayList<>();

    /**
     * A bench.
     *
     * @param sequences sequences of every length to judge on, from places spread over the text
     */
    public PerplexityBench(Engine engine, Transformer model, Text text, int sequences) {
        this.engine = engine;
        this.model = model;
        this.text = text;
        this.sequences = sequences;
    }

    /**
     * Measures at one length.
     *
     * @param methods  what takes the place of exact attention
     * @param limit    relative increase of the loss that calibrated pilot attention may cost, or NaN for no calibration
     * @param perLayer whether every layer is also replaced alone
     */
    public void run(int n, List<AttentionMethod> methods, double limit, boolean perLayer, Progress progress) {
        int layers = model.shape().layers();
        AttentionMethod exact = Attention.exact().build();
        progress.stage("n = " + n + ", exact");
        PerplexityReport.Measured yardstick = measure(n, Collections.nCopies(layers, exact));
        add(n, "all", exact.name(), "", yardstick, yardstick);
        double pilotColumns = 0;
        for (AttentionMethod method : methods) {
            String label = label(method);
            progress.stage("n = " + n + ", " + label);
            PerplexityReport.Measured all = measure(n, Collections.nCopies(layers, method));
            add(n, "all", label, "", all, yardstick);
            pilotColumns = pilotColumns == 0 ? all.evaluations() : pilotColumns;
            for (int layer = 0; perLayer && layer < layers; layer++) {
                progress.stage("n = " + n + ", " + label + ", layer " + layer);
                add(n, Integer.toString(layer), label, "", measure(n, alone(exact, method, layer)), yardstick);
            }
        }
        if (!Double.isNaN(limit)) {
            progress.stage("n = " + n + ", calibration of pilot");
            List<AttentionMethod> chosen = calibrate(n, limit, progress);
            add(n, "all", "pilot calibrated", words(chosen), measure(n, chosen), yardstick);
        }
        if (pilotColumns > 0) {
            int window = (int) Math.min(n, Math.max(1, Math.round(pilotColumns)));
            progress.stage("n = " + n + ", window");
            add(n, "all", WindowAttention.NAME + " " + window, "",
                    measure(n, Collections.nCopies(layers, new WindowAttention(window))), yardstick);
        }
    }

    /** What was measured, in the order in which it was. */
    public List<PerplexityReport.Row> rows() {
        return List.copyOf(rows);
    }

    private void add(int n, String layer, String method, String note, PerplexityReport.Measured measured,
            PerplexityReport.Measured exact) {
        rows.add(new PerplexityReport.Row(n, layer, method, note, measured, exact));
    }

    /** A method's name with those of its options that were chosen. */
    private static String label(AttentionMethod method) {
        Object budget = method.parameters().get("budget");
        Object columns = method.parameters().get("columns");
        return method.name() + (budget != null ? " budget " + budget : columns != null ? " " + columns : "");
    }

    private List<AttentionMethod> alone(AttentionMethod exact, AttentionMethod method, int layer) {
        List<AttentionMethod> methods = new ArrayList<>(Collections.nCopies(model.shape().layers(), exact));
        methods.set(layer, method);
        return methods;
    }

    /**
     * The cheapest pilot attention for each layer that costs no more than the layer's share of most of the limit where
     * it is the only one replaced; exact attention where none is good enough. Judged on the end of the text, which
     * {@link #sequence} leaves out.
     */
    private List<AttentionMethod> calibrate(int n, double limit, Progress progress) {
        int layers = model.shape().layers();
        AttentionMethod exact = Attention.exact().build();
        Batch batch = text.at(text.length() - 1 - n, n);
        double yardstick = model.loss(batch, new ModelAttention(engine, Collections.nCopies(layers, exact)));
        List<AttentionMethod> chosen = new ArrayList<>(Collections.nCopies(layers, exact));
        for (int layer = 0; layer < layers; layer++) {
            for (int columns : COLUMNS) {
                if (columns >= n / 2) {
                    break; // exact attention is as cheap
                }
                progress.stage("n = " + n + ", calibration, layer " + layer + ", " + columns + " columns");
                AttentionMethod pilot = Attention.pilot().columns(columns).build();
                double loss = model.loss(batch, new ModelAttention(engine, alone(exact, pilot, layer)));
                if (loss <= yardstick * (1 + SAFE * limit / layers)) {
                    chosen.set(layer, pilot);
                    break;
                }
            }
        }
        return chosen;
    }

    private static String words(List<AttentionMethod> methods) {
        StringJoiner words = new StringJoiner(", ");
        for (int layer = 0; layer < methods.size(); layer++) {
            words.add("layer " + layer + ": " + label(methods.get(layer)));
        }
        return words.toString();
    }

    private PerplexityReport.Measured measure(int n, List<AttentionMethod> methods) {
        double loss = 0;
        long asked = 0;
        double[] attentionMs = new double[sequences];
        double[] wholeMs = new double[sequences];
        ModelAttention warm = new ModelAttention(engine, methods);
        model.loss(sequence(0, Math.min(n, WARM_UP)), warm);
        ModelAttention attention = new ModelAttention(engine, methods);
        for (int i = 0; i < sequences; i++) {
            Batch batch = sequence(i, n);
            long before = attention.forwardNanos();
            long start = System.nanoTime();
            loss += model.loss(batch, attention);
            wholeMs[i] = (System.nanoTime() - start) / MILLI;
            attentionMs[i] = (attention.forwardNanos() - before) / MILLI;
            asked += batch.asked();
        }
        return new PerplexityReport.Measured(loss / asked / Math.log(2), median(attentionMs), median(wholeMs),
                attention.columns());
    }

    private Batch sequence(int i, int n) {
        long room = text.length() - 1L - n;
        return text.at((int) (i * room / (sequences + 1)), n);
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int half = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }
}
