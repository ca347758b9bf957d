package dev.kdeformer.cli.denoise;

import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;

/**
 * A picture as numbers: 0 is black and 1 is white, or the full strength of a colour. Values may lie beyond, as noise
 * leaves them.
 *
 * @param width    pixels in a row
 * @param height   rows
 * @param channels 1 for grey, 3 for red, green and blue
 * @param values   row by row, the channels of a pixel together; not copied
 * @param form     what a file of it has besides
 */
public record Pixels(int width, int height, int channels, float[] values, Form form) {
    /**
     * What a picture's file has besides its colours.
     *
     * @param bits  of a value in a file, 8 or 16
     * @param alpha how opaque each pixel is, 0 to 1, or null where all are
     */
    public record Form(int bits, float[] alpha) {
    }

    /** An opaque picture of 8 bits. */
    public Pixels(int width, int height, int channels, float[] values) {
        this(width, height, channels, values, new Form(8, null));
    }

    /** A picture of the same size and form with other values. */
    Pixels with(float[] others) {
        return new Pixels(width, height, channels, others, form);
    }

    private static final long PURPOSE = 0x6e6f697365L; // "noise"
    /** The median size of a standard normal number. */
    private static final double NORMAL_MEDIAN = 0.674489750196082;

    /** Number of pixels. */
    int count() {
        return width * height;
    }

    /** Grey as the eye weighs the colours (ITU-R BT.709), of the stored values. */
    public Pixels grey() {
        if (channels == 1) {
            return this;
        }
        float[] grey = new float[count()];
        for (int i = 0; i < grey.length; i++) {
            grey[i] = 0.2126f * values[3 * i] + 0.7152f * values[3 * i + 1] + 0.0722f * values[3 * i + 2];
        }
        return new Pixels(width, height, 1, grey, form);
    }

    /** The picture with independent normal noise of a standard deviation added to every value, not clipped. */
    public Pixels withNoise(double deviation, long seed) {
        CounterRandom random = CounterRandom.of(seed).stream(PURPOSE);
        float[] noisy = new float[values.length];
        for (int i = 0; i < noisy.length; i++) {
            noisy[i] = (float) (values[i] + deviation * random.gaussian(i));
        }
        return with(noisy);
    }

    /**
     * The standard deviation of the noise in the picture: the median size of its finest diagonal Haar wavelet
     * coefficients, over that of a standard normal number (Donoho and Johnstone 1994, "Ideal spatial adaptation by
     * wavelet shrinkage", section 4); few of these coefficients are edges, and a median does not mind those. 0 for a
     * picture of one row or column.
     */
    public double noiseLevel() {
        float[] sizes = new float[(width / 2) * (height / 2) * channels];
        if (sizes.length == 0) {
            return 0;
        }
        int at = 0;
        for (int y = 0; y + 1 < height; y += 2) {
            for (int x = 0; x + 1 < width; x += 2) {
                for (int c = 0; c < channels; c++) {
                    int corner = (y * width + x) * channels + c;
                    int below = corner + width * channels;
                    sizes[at++] = Math.abs(values[corner] - values[corner + channels] - values[below]
                            + values[below + channels]) / 2;
                }
            }
        }
        Arrays.sort(sizes);
        return sizes[sizes.length / 2] / NORMAL_MEDIAN;
    }

    /** Mean and standard deviation of all values. */
    double[] moments() {
        double mean = 0;
        for (float value : values) {
            mean += value;
        }
        mean /= values.length;
        double square = 0;
        for (float value : values) {
            square += (value - mean) * (value - mean);
        }
        return new double[] {mean, Math.sqrt(square / values.length)};
    }

    /**
     * The peak signal-to-noise ratio against another picture in decibels, 10 log₁₀(1 / mean squared difference), over
     * some pixels; infinite where they are equal.
     *
     * @param pixels indices of pixels, or null for all
     */
    public double psnr(Pixels original, int[] pixels) {
        double square = 0;
        int counted = pixels == null ? count() : pixels.length;
        for (int i = 0; i < counted; i++) {
            int from = (pixels == null ? i : pixels[i]) * channels;
            for (int c = from; c < from + channels; c++) {
                double difference = (double) values[c] - original.values[c];
                square += difference * difference;
            }
        }
        return -10 * Math.log10(square / ((double) counted * channels));
    }

    /** Pictures of the same size side by side. */
    public static Pixels beside(Pixels... pictures) {
        Pixels first = pictures[0];
        int row = first.width * first.channels;
        float[] all = new float[Math.multiplyExact(first.values.length, pictures.length)];
        for (int p = 0; p < pictures.length; p++) {
            for (int y = 0; y < first.height; y++) {
                System.arraycopy(pictures[p].values, y * row, all, (y * pictures.length + p) * row, row);
            }
        }
        float[] alpha = first.form.alpha == null ? null : beside(Arrays.stream(pictures)
                .map(each -> new Pixels(each.width, each.height, 1, each.form.alpha)).toArray(Pixels[]::new)).values;
        return new Pixels(first.width * pictures.length, first.height, first.channels, all,
                new Form(first.form.bits, alpha));
    }
}
