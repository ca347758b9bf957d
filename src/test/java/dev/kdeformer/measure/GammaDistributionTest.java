package dev.kdeformer.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GammaDistributionTest {
    /** Quantiles from SciPy 1.17's gamma.ppf. */
    @ParameterizedTest
    @CsvSource({
        "0.05, 0.025, 5.31566188991436e-33",
        "0.05, 0.3, 2.0378971887326733e-11",
        "0.05, 0.975, 0.5671737617538583",
        "0.05, 0.9995, 3.2876638279555794",
        "0.5, 0.025, 0.0004910345585876278",
        "0.5, 0.3, 0.07423593091627269",
        "0.5, 0.975, 2.511943093657444",
        "0.5, 0.9995, 6.05783257319869",
        "1.5, 0.025, 0.10789764131194893",
        "1.5, 0.3, 0.7118261215176399",
        "1.5, 0.975, 4.674201802248074",
        "1.5, 0.9995, 8.86499811447308",
        "7, 0.025, 2.8143630515198654",
        "7, 0.3, 5.410738860833457",
        "7, 0.975, 13.059474022518685",
        "7, 0.9995, 19.05470196613504",
        "64, 0.025, 49.28779854623545",
        "64, 0.3, 59.57565104975729",
        "64, 0.975, 80.6043672868905",
        "64, 0.9995, 93.63639710676541",
        "900, 0.025, 842.1538884935079",
        "900, 0.3, 884.0296011350678",
        "900, 0.975, 959.7402659943967",
        "900, 0.9995, 1002.0027651337766",
        "20000, 0.025, 19723.767600607054",
        "20000, 0.3, 19925.597593792558",
        "20000, 0.975, 20278.126698463333",
        "20000, 0.9995, 20468.629057027334"})
    void quantilesAgreeWithSciPy(double shape, double probability, double quantile) {
        assertEquals(quantile, GammaDistribution.quantile(shape, probability), 1e-9 * quantile);
        assertEquals(probability, GammaDistribution.distribution(shape, quantile), 1e-9 * probability);
    }

    @Test
    void largeShapesContinueSmallOnes() {
        for (double probability : new double[] {0.005, 0.025, 0.5, 0.975, 0.995}) {
            double below = GammaDistribution.quantile(99_999.9, probability);
            double above = GammaDistribution.quantile(100_000.1, probability);
            assertEquals(below, above - 0.2, 0.02);
        }
    }

    @Test
    void shapeOneIsTheExponentialDistribution() {
        for (double probability = 0.01; probability < 1; probability += 0.01) {
            assertEquals(-Math.log1p(-probability), GammaDistribution.quantile(1, probability), 1e-12);
        }
    }

    @Test
    void normalQuantilesAreThoseOfTheTables() {
        assertEquals(0, GammaDistribution.normalQuantile(0.5));
        assertEquals(1.959963984540054, GammaDistribution.normalQuantile(0.975), 1e-12);
        assertEquals(-1.959963984540054, GammaDistribution.normalQuantile(0.025), 1e-12);
        assertEquals(2.5758293035489004, GammaDistribution.normalQuantile(0.995), 1e-12);
        assertEquals(-3.090232306167813, GammaDistribution.normalQuantile(0.001), 1e-11);
    }

    @Test
    void logarithmOfTheGammaFunction() {
        double factorial = 1;
        for (int n = 1; n < 20; n++) {
            assertEquals(Math.log(factorial), GammaDistribution.logGamma(n), 1e-13 * (1 + Math.log(factorial)));
            factorial *= n;
        }
        assertEquals(0.5 * Math.log(Math.PI), GammaDistribution.logGamma(0.5), 1e-14);
    }
}
