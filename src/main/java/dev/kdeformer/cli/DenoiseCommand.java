package dev.kdeformer.cli;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.bench.BenchOptions;
import dev.kdeformer.cli.bench.EngineOptions;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Terminal;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.denoise.DenoiseBench;
import dev.kdeformer.cli.denoise.DenoiseReport;
import dev.kdeformer.cli.denoise.Patches;
import dev.kdeformer.cli.denoise.PictureFile;
import dev.kdeformer.cli.denoise.Pixels;
import dev.kdeformer.cli.input.Catalogue;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.input.Picture;
import dev.kdeformer.cli.methods.MethodOptions;
import dev.kdeformer.cli.report.ReportOptions;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Takes noise off a picture by attention over all of its pixels. */
@Command(name = "denoise",
        description = {"Denoise a picture by non-local means over all of its pixels, as attention: each pixel becomes "
            + "a mean of all pixels, weighted by how much the patches round them are alike.",
            "Noise is added first, and the peak signal-to-noise ratio (PSNR) of the noisy and of the denoised picture "
            + "is printed."},
        footer = {"", "Examples:", "  kdebench denoise -o camera-denoised.png --side-by-side camera-three.png",
            "  kdebench denoise photo.png -o better.png --noise 0",
            "  kdebench denoise --method pilot --compare-exact"})
final class DenoiseCommand implements Callable<Integer> {
    private static final String DEFAULT_PICTURE = "camera";
    private static final int SAMPLED_PIXELS = 4096;
    private static final int REPEAT_TO_COMPARE = 5;

    @Parameters(paramLabel = "IN.png", arity = "0..1",
            description = "A PNG file, or the name of an embedded picture (default: " + DEFAULT_PICTURE + "); "
                    + "'kdebench data' lists them.")
    private String in;

    @Option(names = {"-o", "--out"}, paramLabel = "OUT.png", order = 10,
            description = "Write the denoised picture.")
    private Path out;

    @Option(names = "--side-by-side", paramLabel = "FILE.png", order = 11,
            description = "Write original, noisy and denoised picture side by side.")
    private Path sideBySide;

    @Option(names = "--noise", paramLabel = "DEVIATION", order = 12, defaultValue = "0.1",
            description = "Standard deviation of the normal noise to add, black being 0 and white 1 (default: "
                    + "${DEFAULT-VALUE}); 0 if the picture is noisy already.")
    private double noise;

    @Option(names = "--patch", paramLabel = "F", order = 13, defaultValue = "7",
            description = "Pixels across a patch, odd (default: ${DEFAULT-VALUE}).")
    private int patch;

    @Option(names = "--h", paramLabel = "H|auto", order = 14, defaultValue = "auto",
            description = "Bandwidth in standardised units. auto: h = " + DenoiseBench.FACTOR + " sqrt(d) s, where d "
                    + "are the features of a patch and s is the noise over the standard deviation of the noisy "
                    + "picture; with --noise 0 the noise is estimated from the picture.")
    private String bandwidth;

    @Option(names = "--features", paramLabel = "D", order = 15,
            description = "Reduce patches to this many principal components (default: the whole patch).")
    private Integer features;

    @Option(names = "--grey", order = 16, description = "Turn a colour picture grey.")
    private boolean grey;

    @Option(names = "--method", paramLabel = "NAME", order = 21, defaultValue = "pilot",
            description = "The method (default: ${DEFAULT-VALUE}); 'kdebench methods' lists them. Without --columns "
                    + "and --budget, pilot has other defaults here: " + DenoiseBench.PILOT_DEFAULTS + ".")
    private String method;

    @Option(names = "--columns", paramLabel = "C", order = 22,
            description = "Key evaluations per query that the method may spend (default: the method's own choice).")
    private Integer columns;

    @Mixin
    private MethodOptions methodOptions;

    @Mixin
    private EngineOptions engineOptions;

    @Option(names = "--repeat", paramLabel = "R", order = 32,
            description = "Timed runs, of which the median counts, after a warm-up if they are several (default: 1, "
                    + "which includes the virtual machine's warming up; with --compare-exact " + REPEAT_TO_COMPARE
                    + ").")
    private Integer repeat;

    @Option(names = "--compare-exact", paramLabel = "PIXELS", arity = "0..1", fallbackValue = "" + SAMPLED_PIXELS,
            order = 33,
            description = "Compute that many pixels exactly too, drawn at random (without a number: " + SAMPLED_PIXELS
                    + "), compare PSNR on them and give the speed-up against exact attention, whose time for all "
                    + "pixels is extrapolated unless all are computed.")
    private Integer exactPixels;

    @Mixin
    private ReportOptions reportOptions;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        check();
        AttentionMethod made = methodOptions.make(List.of(method), columns == null ? List.of() : List.of(columns),
                engineOptions.seed(), DenoiseBench.DEFAULTS).get(0);
        reportOptions.check();
        for (Path file : new Path[] {out, sideBySide}) {
            if (file != null) {
                ReportOptions.checkFolder(file);
            }
        }
        String name = in == null ? DEFAULT_PICTURE : in;
        Pixels read = read(name);
        Pixels original = grey ? read.grey() : read;
        checkFeatures(original);
        Pixels noisy = noise == 0 ? original : original.withNoise(noise, engineOptions.seed());
        Patches patches = new Patches(noisy, patch, features == null ? 0 : features);
        double level = noise == 0 ? noisy.noiseLevel() : noise;
        double h = h(patches, level);
        DenoiseReport report;
        try (Arena arena = Arena.ofShared(); Engine engine = engineOptions.engine();
                Progress progress = new Progress(spec.commandLine().getErr(), Terminal.showsErrors(),
                        engine::progress)) {
            DenoiseBench.requireMemory(original, patches);
            progress.stage("patches");
            AttentionInput input = patches.input(arena, h);
            String about = original.width() + " x " + original.height() + " pixels, "
                    + (original.channels() == 1 ? "grey" : "colour");
            DenoiseBench bench = new DenoiseBench(engine, new NamedInput(name, about, 2, input), original, noisy, made,
                    engineOptions.seed());
            report = bench.run(progress, repeat(), exactPixels == null ? 0 : exactPixels)
                    .with(new DenoiseReport.Settings(noise, level, patch, h, bandwidth.equals("auto"), features,
                            patches.kept()));
        }
        write(report, original, noisy);
        reportOptions.write(report, spec.commandLine().getOut());
        return 0;
    }

    private void write(DenoiseReport report, Pixels original, Pixels noisy) throws IOException {
        if (out != null) {
            PictureFile.write(out, report.denoised());
        }
        if (sideBySide != null) {
            PictureFile.write(sideBySide, noise == 0 ? Pixels.beside(noisy, report.denoised())
                    : Pixels.beside(original, noisy, report.denoised()));
        }
    }

    private void check() {
        if (!(noise >= 0 && noise <= 10)) {
            throw new UsageError("--noise must be between 0 and 10, got " + noise);
        }
        if (patch < 1 || patch > 31 || patch % 2 == 0) {
            throw new UsageError("--patch must be odd and between 1 and 31, got " + patch);
        }
        if (exactPixels != null && exactPixels < 1) {
            throw new UsageError("--compare-exact must be at least 1, got " + exactPixels);
        }
        BenchOptions.check(repeat(), 0);
    }

    private int repeat() {
        return repeat != null ? repeat : exactPixels != null ? REPEAT_TO_COMPARE : 1;
    }

    private void checkFeatures(Pixels original) {
        int length = patch * patch * original.channels();
        if (features != null && (features < 1 || features > length)) {
            throw new UsageError("--features must be between 1 and the " + length + " elements of a patch, got "
                    + features);
        }
    }

    private double h(Patches patches, double level) {
        double h;
        if (bandwidth.equals("auto")) {
            h = patches.bandwidth(level, DenoiseBench.FACTOR);
            if (!(h > 0)) {
                throw new UsageError("--h auto follows the noise, and there is none; give --h a number");
            }
            return h;
        }
        try {
            h = Double.parseDouble(bandwidth);
        } catch (NumberFormatException e) {
            h = Double.NaN;
        }
        if (!(h >= 1e-6 && h <= 1e6)) {
            throw new UsageError("--h must be auto or between 1e-6 and 1e6, got " + bandwidth);
        }
        return h;
    }

    private static Pixels read(String name) throws IOException {
        Catalogue embedded = Catalogue.embedded();
        Picture picture = embedded.findPicture(name);
        Path file = picture == null || Files.exists(Path.of(name)) ? Path.of(name) : null;
        return file == null ? PictureFile.read(embedded.bytes(picture.file()), name) : PictureFile.read(file);
    }
}
