package dev.kdeformer.linalg;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.kdeformer.sampling.CounterRandom;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SoftmaxSumsTest {
    private record Part(double reference, double sum, float[] values) {
    }

    /** Logarithm and means of parts from the definition, relative to the largest reference. */
    private static double[] plain(List<Part> parts, double unit, int columns) {
        double top = parts.stream().filter(part -> part.sum > 0).mapToDouble(Part::reference).max()
                .orElse(Double.NEGATIVE_INFINITY);
        double[] result = new double[columns + 1];
        double sum = 0;
        for (Part part : parts) {
            double weight = part.sum > 0 && top > Double.NEGATIVE_INFINITY
                    ? Math.exp(unit * (part.reference - top)) : 0;
            sum += weight * part.sum;
            for (int c = 0; c < columns; c++) {
                result[c] += weight * part.values[c];
            }
        }
        for (int c = 0; c < columns && sum > 0; c++) {
            result[c] /= sum;
        }
        result[columns] = sum > 0 ? unit * top + Math.log(sum) : Double.NEGATIVE_INFINITY;
        return result;
    }

    @Test
    void addsPartsInAnyOrderOfTheirReferences() {
        for (int test = 0; test < 300; test++) {
            CounterRandom random = CounterRandom.of(test);
            double unit = test % 2 == 0 ? SoftmaxSums.NATURAL : SoftmaxSums.BINARY;
            int columns = (int) (random.bits(0) & 7);
            double spread = Math.pow(10, test % 5);
            double far = test % 3 == 0 ? 0x1p100 : 0;
            List<Part> parts = new ArrayList<>();
            for (int i = 0; i < test % 17; i++) {
                float[] values = new float[columns + 2];
                for (int c = 0; c < values.length; c++) {
                    values[c] = (float) random.gaussian(100 + 20L * i + c);
                }
                boolean empty = i % 5 == 3;
                parts.add(new Part(empty && i % 2 == 0 ? Double.NEGATIVE_INFINITY
                        : far + spread * random.gaussian(1000 + i), empty ? 0 : 1 + random.uniform(2000 + i), values));
            }
            SoftmaxSums sums = new SoftmaxSums(3, columns, unit);
            for (Part part : parts) {
                sums.add(1, part.reference, part.sum, part.values, 0);
            }
            check(plain(parts, unit, columns), sums, 1, columns);
            check(plain(List.of(), unit, columns), sums, 0, columns);
            SoftmaxSums halves = new SoftmaxSums(2, columns, unit);
            for (int i = 0; i < parts.size(); i++) {
                halves.add(i % 2, parts.get(i).reference, parts.get(i).sum, parts.get(i).values, 0);
            }
            SoftmaxSums copy = halves.copy();
            halves.add(0, halves, 1);
            check(plain(parts, unit, columns), halves, 0, columns);
            copy.settle(1, 0.5);
            copy.add(0, copy, 1);
            check(plain(parts, unit, columns), copy, 0, columns);
            sums.clear();
            check(plain(List.of(), unit, columns), sums, 1, columns);
        }
    }

    private static void check(double[] wanted, SoftmaxSums sums, int row, int columns) {
        assertEquals(wanted[columns], sums.log(row), 1e-14 * Math.max(1e3, Math.abs(wanted[columns])));
        float[] floats = new float[columns];
        float[] means = new float[columns];
        for (int c = 0; c < columns; c++) {
            assertEquals(wanted[c], sums.mean(row, c), 1e-12);
            floats[c] = (float) wanted[c];
        }
        sums.means(row, means);
        assertArrayEquals(floats, means, 1e-6F);
    }

    @Test
    void settledAndShiftedSumsStayFinite() {
        SoftmaxSums sums = new SoftmaxSums(1, 1, SoftmaxSums.BINARY);
        sums.add(0, 3, 0x1p101, new float[] {-0x1p100F}, 0);
        sums.settle(0, 0x1p100);
        assertEquals(Math.E, sums.sums()[0], 1e-12);
        assertEquals(104, sums.log(0) / SoftmaxSums.BINARY, 1e-12);
        assertEquals(-0.5, sums.mean(0, 0), 1e-15);
        sums.shift(0, -4 * SoftmaxSums.BINARY);
        assertEquals(100, sums.log(0) / SoftmaxSums.BINARY, 1e-12);
    }

    @Test
    void whatIsNotANumberShows() {
        SoftmaxSums sums = new SoftmaxSums(1, 1, SoftmaxSums.NATURAL);
        sums.add(0, 1, 1, new float[] {1}, 0);
        sums.add(0, Double.NaN, 1, new float[] {1}, 0);
        sums.add(0, 5, 1, new float[] {1}, 0);
        assertEquals(Double.NaN, sums.mean(0, 0));
        assertEquals(Double.NaN, sums.log(0));
    }
}
