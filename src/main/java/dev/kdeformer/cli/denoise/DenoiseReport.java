package dev.kdeformer.cli.denoise;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.report.BarPanel;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.ReportOptions;
import dev.kdeformer.cli.report.Table;
import dev.kdeformer.cli.report.TextReport;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * How well a method took noise off a picture.
 *
 * @param input        the picture as attention
 * @param run          the method and its time
 * @param settings     what was asked for
 * @param noisyPsnr    decibels of the noisy picture against the original
 * @param denoisedPsnr decibels of the denoised picture against the original
 * @param denoised     the result
 * @param exact        exact attention on some or all pixels, or null
 */
public record DenoiseReport(NamedInput input, Report.Run run, Settings settings, double noisyPsnr, double denoisedPsnr,
        Pixels denoised, Exact exact) implements ReportOptions.Form {
    /**
     * What was asked for.
     *
     * @param noise    standard deviation of the noise that was added
     * @param level    standard deviation of the noise that the bandwidth is for
     * @param patch    pixels across a patch
     * @param h        the bandwidth
     * @param auto     whether it was chosen from the noise
     * @param features principal components of a patch, or null
     * @param kept     share of the variance that they keep
     */
    public record Settings(double noise, double level, int patch, double h, boolean auto, Integer features,
            double kept) {
    }

    /**
     * Exact attention beside the method.
     *
     * @param pixels       how many were computed
     * @param ms           time for all pixels
     * @param extrapolated whether that is the time of {@code pixels} in proportion
     * @param psnr         decibels of the exact result against the original, on these pixels
     * @param methodPsnr   decibels of the method's result against the original, on these pixels
     * @param betweenPsnr  decibels of the method's result against the exact one, on these pixels
     */
    record Exact(int pixels, double ms, boolean extrapolated, double psnr, double methodPsnr, double betweenPsnr) {
    }

    /** The same report with the settings. */
    public DenoiseReport with(Settings chosen) {
        return new DenoiseReport(input, run, chosen, noisyPsnr, denoisedPsnr, denoised, exact);
    }

    private boolean hasOriginal() {
        return settings.noise() > 0;
    }

    private double speedup() {
        return exact == null ? Double.NaN : exact.ms() / run.times().medianMs();
    }

    @Override
    public String forTerminal() {
        StringBuilder text = new StringBuilder(heading()).append("\n\n").append(table().forTerminal()).append('\n');
        notes().forEach(note -> text.append(note).append('\n'));
        return text.toString();
    }

    @Override
    public String markdown() {
        StringBuilder text = new StringBuilder(heading().replace("\n", "  \n")).append("\n\n")
                .append(table().markdown());
        notes().forEach(note -> text.append('\n').append(note).append('\n'));
        return text.toString();
    }

    private String heading() {
        return TextReport.heading(new Report(input, List.of(run))) + "\npatch " + settings.patch() + " x "
                + settings.patch() + (settings.features() == null ? ""
                        : " reduced to " + settings.features() + " principal components ("
                                + Sentences.digits(100 * settings.kept()) + " % of the variance)")
                + ", noise " + Sentences.digits(settings.level()) + (hasOriginal() ? "" : " (estimated)") + ", h "
                + Sentences.digits(settings.h()) + (settings.auto() ? " (auto)" : "");
    }

    private Table table() {
        List<String> header = new ArrayList<>(List.of("picture", "PSNR dB"));
        if (exact != null) {
            header.add("PSNR on " + exact.pixels() + " pixels");
        }
        header.addAll(List.of("columns", "ms", "speed-up"));
        Table table = Table.ofNumbers(header.toArray(String[]::new));
        row(table, "noisy", noisyPsnr, Double.NaN, "-", "-", "-");
        row(table, run.method(), denoisedPsnr, exact == null ? Double.NaN : exact.methodPsnr(),
                Sentences.count(run.columns()), Sentences.digits(run.times().medianMs()),
                exact == null ? "-" : mark() + Sentences.digits(speedup()) + "x");
        if (exact != null) {
            row(table, "exact", exact.extrapolated() ? Double.NaN : exact.psnr(), exact.psnr(),
                    String.valueOf(input.input().keys()), mark() + Sentences.digits(exact.ms()), "1.00x");
        }
        return table;
    }

    private String mark() {
        return exact.extrapolated() ? "~" : "";
    }

    private void row(Table table, String name, double psnr, double sampled, String... others) {
        List<String> cells = new ArrayList<>(List.of(name, decibels(psnr)));
        if (exact != null) {
            cells.add(decibels(sampled));
        }
        cells.addAll(List.of(others));
        table.row(cells.toArray(String[]::new));
    }

    /** Where the picture was noisy already there is nothing to hold it against. */
    private String decibels(double psnr) {
        return hasOriginal() && Double.isFinite(psnr) ? String.format(Locale.ROOT, "%.2f", psnr) : "-";
    }

    private List<String> notes() {
        List<String> notes = new ArrayList<>();
        if (exact != null) {
            notes.add("On " + exact.pixels() + (exact.extrapolated() ? " pixels drawn at random" : " pixels, all of "
                    + "them,") + " " + run.method() + " lies " + decibelsBetween() + " dB (PSNR) from exact.");
            if (exact.extrapolated()) {
                notes.add("~: exact attention was timed on these pixels only; its time for all is extrapolated in "
                        + "proportion.");
            }
        }
        if (!run.note().isEmpty()) {
            notes.add(run.method() + ": " + run.note());
        }
        return notes;
    }

    private String decibelsBetween() {
        return Double.isFinite(exact.betweenPsnr()) ? Sentences.digits(exact.betweenPsnr()) : "infinitely many";
    }

    @Override
    public String csv() {
        return TextReport.csv(List.of(flat()));
    }

    private Map<String, Object> flat() {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("picture", input.name());
        line.put("pixels", input.input().queries());
        line.put("method", run.method());
        line.put("columns", run.columns());
        line.put("threads", run.threads());
        line.put("seed", run.seed());
        line.put("noise", settings.noise());
        line.put("noiseLevel", settings.level());
        line.put("patch", settings.patch());
        line.put("features", input.input().d());
        line.put("h", settings.h());
        line.put("noisyPsnr", hasOriginal() ? noisyPsnr : Double.NaN);
        line.put("denoisedPsnr", hasOriginal() ? denoisedPsnr : Double.NaN);
        line.put("medianMs", run.times().medianMs());
        line.put("minMs", run.times().minMs());
        line.put("speedup", speedup());
        line.put("exactPixels", exact == null ? null : exact.pixels());
        line.put("exactMs", exact == null ? null : exact.ms());
        line.put("exactMsExtrapolated", exact == null ? null : exact.extrapolated());
        line.put("exactPsnr", exact == null || !hasOriginal() ? null : exact.psnr());
        line.put("psnrOnExactPixels", exact == null || !hasOriginal() ? null : exact.methodPsnr());
        line.put("psnrAgainstExact", exact == null ? null : exact.betweenPsnr());
        return line;
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = new Report(input, List.of(run)).toMap();
        Map<String, Object> picture = new LinkedHashMap<>();
        picture.put("width", denoised.width());
        picture.put("height", denoised.height());
        picture.put("channels", denoised.channels());
        map.put("picture", picture);
        Map<String, Object> denoise = new LinkedHashMap<>();
        flat().forEach((key, value) -> {
            if (!List.of("picture", "pixels", "method", "columns", "threads", "seed", "medianMs", "minMs")
                    .contains(key)) {
                denoise.put(key, value instanceof Double number ? Report.number(number) : value);
            }
        });
        denoise.put("hAuto", settings.auto());
        denoise.put("keptVariance", Report.number(settings.kept()));
        map.put("denoise", denoise);
        return map;
    }

    @Override
    public List<? extends Drawing> drawings() {
        BarPanel panel = new BarPanel(input.name() + ": peak signal-to-noise ratio", "PSNR dB");
        if (hasOriginal()) {
            panel.add("noisy", "noisy", noisyPsnr);
            panel.add("denoised", run.method(), denoisedPsnr);
            if (exact != null) {
                panel.add("denoised", "exact, " + exact.pixels() + " pixels", exact.psnr());
            }
        }
        return List.of(panel);
    }
}
