package dev.kdeformer.kde;

/** An estimator that holds the points themselves. */
abstract class PointDensity extends DensityBase {
    final Points points;

    PointDensity(Points points) {
        this.points = points;
    }

    @Override
    public final Kernel kernel() {
        return points.kernel();
    }

    @Override
    public final int points() {
        return points.count();
    }

    @Override
    public final int features() {
        return points.features();
    }

    @Override
    public final double logWeight() {
        return points.logTotal();
    }
}
