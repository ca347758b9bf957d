package dev.kdeformer.cli.denoise;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.linalg.Gram;
import dev.kdeformer.linalg.SymmetricEigen;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;

/**
 * Non-local means over a whole picture as attention (Buades, Coll and Morel 2005, "A non-local algorithm for image
 * denoising", with the search window as large as the picture). Pixel i's patch x_i, the f × f pixels round it with all
 * channels, is query and key, its value is the pixel, and the logits are −‖x_i − x_j‖² / h². Written as attention that
 * is the scale 2 / h² and the key bias −‖x_j‖² / h²; the rest is the same for all keys of a query and falls out of the
 * softmax.
 *
 * <p>Patches are standardised by the mean and the standard deviation of all values of the picture, and mirrored at its
 * borders.
 */
public final class Patches {
    /** Rows that the principal directions are found from; more change them by less than noise does. */
    private static final int SAMPLE = 1 << 17;

    private final Pixels noisy;
    private final int size;
    private final int features;
    private final double mean;
    private final double deviation;

    /**
     * The patches of a picture.
     *
     * @param size     odd number f of pixels across a patch
     * @param features number of principal components to keep of each patch, or 0 for the patch itself
     */
    public Patches(Pixels noisy, int size, int features) {
        this.noisy = noisy;
        this.size = size;
        this.features = features;
        double[] moments = noisy.moments();
        this.mean = moments[0];
        this.deviation = moments[1] > 0 ? moments[1] : 1;
    }

    /** Elements of a patch. */
    int length() {
        return size * size * noisy.channels();
    }

    /** Features d of queries and keys. */
    int width() {
        return features == 0 ? length() : features;
    }

    /**
     * The bandwidth for a level of noise: h² = factor² · d · σ², σ the noise's standard deviation in standardised
     * units. Two patches of the same content differ by 2 d σ² on average, so h follows noise and patch.
     */
    public double bandwidth(double noise, double factor) {
        return factor * Math.sqrt(width()) * noise / deviation;
    }

    /** The share of the patches' variance that the features keep, from 0 to 1; set by {@link #input}. */
    private double kept = 1;

    /** The share of the patches' variance that the features of the latest input keep, from 0 to 1. */
    public double kept() {
        return kept;
    }

    /**
     * The attention input; memory is linear in the pixels.
     *
     * @param arena owns the tensors
     * @param h     the bandwidth in standardised units
     */
    public AttentionInput input(Arena arena, double h) {
        int n = noisy.count();
        Tensor patches = Tensor.allocate(arena, Shape.of(n, width()));
        Tensor bias = Tensor.allocate(arena, Shape.of(1, n));
        Tensor value = Tensor.allocate(arena, Shape.of(n, noisy.channels()));
        Matrix rows = patches.matrix(0, 0);
        Matrix biases = bias.matrix(0, 0);
        Matrix values = value.matrix(0, 0);
        double[] directions = features == 0 ? null : directions();
        double[] patch = new double[length()];
        float[] row = new float[width()];
        for (int i = 0; i < n; i++) {
            read(i, patch);
            double square = 0;
            for (int c = 0; c < row.length; c++) {
                row[c] = (float) (directions == null ? patch[c] : dot(directions, c * patch.length, patch));
                square += (double) row[c] * row[c];
            }
            rows.writeRow(i, row, 0);
            biases.set(0, i, (float) (-square / (h * h)));
            values.writeRow(i, noisy.values(), i * noisy.channels());
        }
        return AttentionInput.of(patches, patches, value).withScale((float) (2 / (h * h))).withKeyBias(bias);
    }

    private static double dot(double[] directions, int at, double[] patch) {
        double sum = 0;
        for (int c = 0; c < patch.length; c++) {
            sum += directions[at + c] * patch[c];
        }
        return sum;
    }

    /** The first principal directions of the patches, one after the other. */
    private double[] directions() {
        int n = noisy.count();
        int step = Math.max(1, n / SAMPLE);
        Gram gram = new Gram(length());
        double[] sums = new double[length()];
        int taken = 0;
        for (int i = 0; i < n; i += step) {
            read(i, gram.next());
            for (int c = 0; c < sums.length; c++) {
                sums[c] += gram.next()[c];
            }
            gram.add();
            taken++;
        }
        double[] covariance = gram.matrix();
        for (int a = 0; a < sums.length; a++) {
            for (int b = 0; b < sums.length; b++) {
                covariance[a * sums.length + b] -= sums[a] * sums[b] / taken;
            }
        }
        SymmetricEigen eigen = new SymmetricEigen(length());
        double[] variances = eigen.decompose(covariance);
        double all = 0;
        double first = 0;
        for (int c = 0; c < variances.length; c++) {
            all += variances[c];
            first += c < features ? variances[c] : 0;
        }
        kept = all > 0 ? first / all : 1;
        return eigen.vectors();
    }

    /** The standardised patch of a pixel, channel by channel within a pixel. */
    private void read(int pixel, double[] patch) {
        int x = pixel % noisy.width();
        int y = pixel / noisy.width();
        int at = 0;
        for (int dy = -size / 2; dy <= size / 2; dy++) {
            int row = mirror(y + dy, noisy.height()) * noisy.width();
            for (int dx = -size / 2; dx <= size / 2; dx++) {
                int from = (row + mirror(x + dx, noisy.width())) * noisy.channels();
                for (int c = 0; c < noisy.channels(); c++) {
                    patch[at++] = (noisy.values()[from + c] - mean) / deviation;
                }
            }
        }
    }

    /** An index beyond the borders, mirrored at the first and the last pixel as often as it takes. */
    static int mirror(int index, int length) {
        if (length == 1) {
            return 0;
        }
        int period = 2 * (length - 1);
        int place = Math.abs(index) % period;
        return place < length ? place : period - place;
    }
}
