package dev.kdeformer.cli;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.cli.bench.TurnsOptions;
import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.StandardStreams;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.denoise.DenoiseBench;
import dev.kdeformer.cli.denoise.DenoiseReport;
import dev.kdeformer.cli.denoise.Patches;
import dev.kdeformer.cli.denoise.PictureFile;
import dev.kdeformer.cli.denoise.Pixels;
import dev.kdeformer.cli.input.Catalogue;
import dev.kdeformer.cli.input.DataFolder;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.input.Picture;
import dev.kdeformer.cli.methods.MethodOptions;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.OutputFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Takes noise off a picture by attention over all of its pixels. */
@Command(name = "denoise",
        description = {"Denoise a picture by non-local means over all of its pixels, as attention: each pixel becomes "
            + "a mean of all pixels, weighted by how much the patches round them are alike.",
            "Noise is added first, and the peak signal-to-noise ratio (PSNR) of the noisy and of the denoised picture "
            + "is printed."},
        footer = {"", "Examples:", "  kdebench denoise -o camera-denoised.png --side-by-side camera-three.png",
            "  kdebench denoise photo.png -o better.png --noise 0",
            "  kdebench denoise --method pilot --compare-exact"})
final class DenoiseCommand extends TimedCommand {
    private static final String DEFAULT_PICTURE = "camera";
    private static final int SAMPLED_PIXELS = 4096;
    private static final int REPEAT_TO_COMPARE = 5;

    @Parameters(paramLabel = "IN", arity = "0..1",
            description = "A PNG or JPEG file, - for standard input, or the name of an embedded picture (default: "
                    + DEFAULT_PICTURE + "); "
                    + "'kdebench data' lists them.")
    private String in;

    @Option(names = {"-o", "--out"}, paramLabel = "OUT", order = 10,
            description = "Write the denoised picture, as deep and transparent as it was: PNG, or JPEG if the name "
                    + "ends in .jpg; - for standard output.")
    private Path out;

    @Option(names = "--side-by-side", paramLabel = "FILE", order = 11,
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

    @Option(names = "--method", paramLabel = "NAME", order = 21,
            description = "The method; 'kdebench methods' lists them. Without it and the options below, what is at "
                    + "most " + DenoiseBench.LIMIT + " dB worse than exact attention on a sample of pixels: pilot, and "
                    + "exact where that is not as good. A named method is run as it is, and its loss is said. "
                    + "pilot without a budget has other defaults here: " + DenoiseBench.OPTIONS + ".")
    private String method;

    @Mixin
    private DataFolder dataFolder;

    @Mixin
    private MethodOptions methodOptions;

    @Mixin
    private TurnsOptions turns = new TurnsOptions(1, 2);

    @Option(names = "--compare-exact", paramLabel = "PIXELS", arity = "0..1", fallbackValue = "" + SAMPLED_PIXELS,
            order = 33,
            description = "Compute that many pixels exactly too, drawn at random (without a number: " + SAMPLED_PIXELS
                    + "), compare PSNR on them and give the speed-up against exact attention, whose time for all "
                    + "pixels is extrapolated unless all are computed. The method is then timed "
                    + REPEAT_TO_COMPARE + " times unless --repeat says otherwise. Only several runs are warmed up.")
    private Integer exactPixels;

    private List<AttentionMethod> made;

    @Override
    void check(OutputFiles files) {
        checkRanges();
        turns.check();
        made = method == null && !methodOptions.isGiven() ? DenoiseBench.defaults(seed())
                : List.of(methodOptions.makeOne(method == null ? DenoiseBench.FIRST : method, seed(),
                        method == null || method.equals(DenoiseBench.FIRST) ? DenoiseBench.FIRST_OPTIONS : Map.of()));
        files.add("--out", out);
        files.add("--side-by-side", sideBySide);
    }

    @Override
    Form work(Session session) throws IOException {
        String name = in == null ? DEFAULT_PICTURE : in;
        Pixels read = read(name);
        Pixels original = grey ? read.grey() : read;
        checkFeatures(original);
        Pixels noisy = noise == 0 ? original : original.withNoise(noise, seed());
        Patches patches = new Patches(noisy, patch, features == null ? 0 : features);
        double level = noise == 0 ? noisy.noiseLevel() : noise;
        double h = h(patches, level);
        DenoiseBench.requireMemory(original, patches);
        session.progress().stage("patches");
        AttentionInput input = patches.input(session.arena(), h);
        String about = original.width() + " x " + original.height() + " pixels, "
                + (original.channels() == 1 ? "grey" : "colour");
        DenoiseBench bench = new DenoiseBench(session.engine(), new NamedInput(name, about, 2, input), original, noisy,
                made, seed());
        int repeat = exactPixels == null ? turns.repeat() : turns.repeatOr(REPEAT_TO_COMPARE);
        DenoiseReport report = bench.run(session.progress(), new DenoiseReport.Settings(noise, level, patch, h,
                bandwidth.equals("auto"), features, patches.kept()), repeat, turns.warmUpSeconds(),
                exactPixels == null ? 0 : exactPixels);
        write(report, original, noisy);
        return report;
    }

    private void write(DenoiseReport report, Pixels original, Pixels noisy) throws IOException {
        if (out != null) {
            OutputFiles.write(out, file -> PictureFile.write(file, report.denoised()));
        }
        if (sideBySide != null) {
            Pixels beside = noise == 0 ? Pixels.beside(noisy, report.denoised())
                    : Pixels.beside(original, noisy, report.denoised());
            OutputFiles.write(sideBySide, file -> PictureFile.write(file, beside));
        }
    }

    private void checkRanges() {
        if (!(noise >= 0 && noise <= 10)) {
            throw new UsageError("--noise must be between 0 and 10, got " + noise);
        }
        if (patch < 1 || patch > 31 || patch % 2 == 0) {
            throw new UsageError("--patch must be odd and between 1 and 31, got " + patch);
        }
        if (exactPixels != null && exactPixels < 1) {
            throw new UsageError("--compare-exact must be at least 1, got " + exactPixels);
        }
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

    private Pixels read(String name) throws IOException {
        if (Files.exists(Path.of(name)) || StandardStreams.isInput(name)) {
            return PictureFile.read(StandardStreams.regular(Path.of(name)));
        }
        for (Catalogue catalogue : dataFolder.catalogues()) {
            Picture picture = catalogue.findPicture(name);
            if (picture != null) {
                Pixels pixels = PictureFile.read(catalogue.bytes(picture.file()), name);
                if (pixels.width() != picture.width() || pixels.height() != picture.height()
                        || pixels.channels() != picture.channels()) {
                    throw new Failure("picture " + name + ": its manifest says " + picture.width() + " x "
                            + picture.height() + " of " + picture.channels() + " channels, and its file has "
                            + pixels.width() + " x " + pixels.height() + " of " + pixels.channels());
                }
                return pixels;
            }
        }
        return PictureFile.read(Path.of(name));
    }
}
