package dev.kdeformer.cli.bench;

/** How far some derivatives are from finite differences. */
final class Differences {
    private int count;
    private double error;
    private double norm;
    private double largest;

    void add(double computed, double difference) {
        count++;
        error += (computed - difference) * (computed - difference);
        norm += difference * difference;
        largest = Math.max(largest, Math.abs(computed - difference));
    }

    /** What a report says of them. */
    GradientReport.Row row(String name) {
        return new GradientReport.Row(name, count, norm == 0 ? Math.sqrt(error) : Math.sqrt(error / norm), largest,
                Double.NaN);
    }
}
