package dev.kdeformer.cli.denoise;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.BarPanel;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.Table;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * How well a method took noise off a picture.
 *
 * @param input    the picture as attention
 * @param run      the method and its time
 * @param settings what was asked for
 * @param denoised the result
 * @param quality  how good it is
 * @param exact    exact attention on some or all pixels, or null
 */
public record DenoiseReport(NamedInput input, Report.Run run, Settings settings, Pixels denoised, Quality quality,
        Exact exact) implements Form {
    /**
     * How good a result is.
     *
     * @param noisyPsnr    decibels of the noisy picture against the original
     * @param denoisedPsnr decibels of the denoised picture against the original
     * @param loss         decibels that the result has less than that of exact attention, at most, 0 for none
     */
    record Quality(double noisyPsnr, double denoisedPsnr, double loss) {
    }

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

    private boolean hasOriginal() {
        return settings.noise() > 0;
    }

    private double speedup() {
        return exact == null ? Double.NaN : exact.ms() / run.times().medianMs();
    }

    @Override
    public String heading() {
        return Report.heading(input, run.threads()) + "\npatch " + settings.patch() + " x " + settings.patch()
                + (settings.features() == null ? "" : " reduced to " + settings.features() + " principal components ("
                        + Sentences.digits(100 * settings.kept()) + " % of the variance)")
                + ", noise " + Sentences.digits(settings.level()) + (hasOriginal() ? "" : " (estimated)") + ", h "
                + Sentences.digits(settings.h()) + (settings.auto() ? " (auto)" : "");
    }

    /** A picture in the table: decibels on all pixels and on those computed exactly, and what it took. */
    private record Line(String picture, double psnr, double sampled, String evaluations, String ms, String speedup) {
    }

    @Override
    public List<Table> tables() {
        Columns<Line> columns = new Columns<Line>().cell("picture", Line::picture)
                .cell("PSNR dB", line -> decibels(line.psnr()));
        if (exact != null) {
            columns.cell("PSNR on " + exact.pixels() + " pixels", line -> decibels(line.sampled()));
        }
        columns.cell("evaluations", Line::evaluations).cell("ms", Line::ms).cell("speed-up", Line::speedup);
        List<Line> lines = new ArrayList<>();
        lines.add(new Line("noisy", quality.noisyPsnr(), Double.NaN, "-", "-", "-"));
        lines.add(new Line(run.method(), quality.denoisedPsnr(), exact == null ? Double.NaN : exact.methodPsnr(),
                Sentences.count(run.evaluations()), Sentences.digits(run.times().medianMs()),
                exact == null ? "-" : mark() + Sentences.times(speedup())));
        if (exact != null) {
            lines.add(new Line(Methods.EXACT, exact.extrapolated() ? Double.NaN : exact.psnr(), exact.psnr(),
                    String.valueOf(input.input().keys()), mark() + Sentences.digits(exact.ms()), Sentences.times(1)));
        }
        return List.of(columns.table(lines));
    }

    private String mark() {
        return exact.extrapolated() ? "~" : "";
    }

    /** Where the picture was noisy already there is nothing to hold it against. */
    private String decibels(double psnr) {
        return hasOriginal() && Double.isFinite(psnr) ? String.format(Locale.ROOT, "%.2f", psnr) : "-";
    }

    @Override
    public List<String> notes() {
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

    private static Columns<DenoiseReport> asked() {
        return new Columns<DenoiseReport>()
                .field("noise", report -> report.settings().noise())
                .field("noiseLevel", report -> report.settings().level())
                .field("patch", report -> report.settings().patch())
                .field("features", report -> report.input().input().d())
                .field("h", report -> report.settings().h())
                .field("hAuto", report -> report.settings().auto())
                .field("keptVariance", report -> report.settings().kept());
    }

    private static Columns<DenoiseReport> found() {
        return new Columns<DenoiseReport>()
                .field("noisyPsnr", report -> report.hasOriginal() ? report.quality().noisyPsnr() : null)
                .field("denoisedPsnr", report -> report.hasOriginal() ? report.quality().denoisedPsnr() : null)
                .field("speedup", DenoiseReport::speedup)
                .field("lossAgainstExact", report -> report.quality().loss())
                .field("exactPixels", report -> report.exact() == null ? null : report.exact().pixels())
                .field("exactMs", report -> report.exact() == null ? null : report.exact().ms())
                .field("exactMsExtrapolated", report -> report.exact() == null ? null : report.exact().extrapolated())
                .field("exactPsnr", report -> report.hasSample() ? report.exact().psnr() : null)
                .field("psnrOnExactPixels", report -> report.hasSample() ? report.exact().methodPsnr() : null)
                .field("psnrAgainstExact", report -> report.exact() == null ? null : report.exact().betweenPsnr());
    }

    private boolean hasSample() {
        return exact != null && hasOriginal();
    }

    @Override
    public String csv() {
        return new Columns<DenoiseReport>()
                .field("picture", report -> report.input().name())
                .field("pixels", report -> report.input().input().queries())
                .field("method", report -> report.run().method())
                .field("evaluations", report -> report.run().evaluations())
                .field("threads", report -> report.run().threads())
                .field("seed", report -> report.run().seed())
                .with(asked(), report -> report)
                .field("medianMs", report -> report.run().times().medianMs())
                .field("minMs", report -> report.run().times().minMs())
                .with(found(), report -> report)
                .csv(List.of(this));
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = new Report(input, List.of(run)).toMap();
        Map<String, Object> picture = new LinkedHashMap<>();
        picture.put("width", denoised.width());
        picture.put("height", denoised.height());
        picture.put("channels", denoised.channels());
        map.put("picture", picture);
        map.put("denoise", asked().with(found(), report -> report).map(this));
        return map;
    }

    @Override
    public List<? extends Drawing> drawings() {
        BarPanel panel = new BarPanel(input.name() + ": peak signal-to-noise ratio", "PSNR dB");
        if (hasOriginal()) {
            panel.add("noisy", "noisy", quality.noisyPsnr());
            panel.add("denoised", run.method(), quality.denoisedPsnr());
            if (exact != null) {
                panel.add("denoised", "exact, " + exact.pixels() + " pixels", exact.psnr());
            }
        }
        return List.of(panel);
    }
}
