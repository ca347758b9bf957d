package dev.kdeformer.cli.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** One chart with logarithmic axes; points that such axes cannot show are left out. */
public final class Panel implements Drawing {
    private static final int WIDTH = 580;
    private static final int LEGEND_WIDTH = 150;

    /** Told apart also by people who see few colours (after Okabe and Ito). */
    private static final Color[] COLOURS = {new Color(0x0072B2), new Color(0xD55E00), new Color(0x009E73),
        new Color(0xCC79A7), new Color(0xE69F00), new Color(0x56B4E9), new Color(0x7F4F24), new Color(0x555555)};
    private static final Marker[] MARKERS = {SeriesMarkers.CIRCLE, SeriesMarkers.SQUARE, SeriesMarkers.DIAMOND,
        SeriesMarkers.TRIANGLE_UP, SeriesMarkers.TRIANGLE_DOWN, SeriesMarkers.CROSS, SeriesMarkers.PLUS};

    private final XYChart chart;
    private final List<double[]> shown = new ArrayList<>();
    private int series;

    /**
     * An empty chart.
     *
     * @param legend whether it explains the colours, which one of several panels with the same series has to do
     */
    public Panel(String title, String xLabel, String yLabel, boolean legend) {
        chart = new XYChartBuilder().width(legend ? WIDTH + LEGEND_WIDTH : WIDTH).height(HEIGHT)
                .title(title).xAxisTitle(xLabel).yAxisTitle(yLabel).build();
        XYStyler style = chart.getStyler();
        style.setXAxisLogarithmic(true);
        style.setYAxisLogarithmic(true);
        Look.apply(style);
        style.setPlotBorderVisible(true);
        style.setLegendVisible(legend);
        style.setMarkerSize(8);
        style.setDecimalPattern("0.########");
    }

    /** Adds points (x, y) joined by a line; the same place in the order of series gives the same colour. */
    public void add(String name, List<double[]> points) {
        List<double[]> visible = points.stream().filter(p -> positive(p[0]) && positive(p[1]))
                .sorted((a, b) -> Double.compare(a[0], b[0])).toList();
        int place = series++;
        if (visible.isEmpty()) {
            return;
        }
        XYSeries line = chart.addSeries(name, column(visible, 0), column(visible, 1));
        line.setLineColor(COLOURS[place % COLOURS.length]);
        line.setLineStyle(new BasicStroke(2));
        line.setMarkerColor(COLOURS[place % COLOURS.length]);
        line.setMarker(MARKERS[place % MARKERS.length]);
        shown.addAll(visible);
    }

    /** Adds a dashed upright line, as high as the points that were added before. */
    void addUpright(String name, double x) {
        if (!isEmpty() && positive(x)) {
            double[] y = limits(1);
            addDashed(name, Color.BLACK, new double[] {x, x}, y);
        }
    }

    /** Adds a dashed level line, as wide as what was added before. */
    public void addLevel(String name, double y) {
        if (!isEmpty() && positive(y)) {
            double[] x = limits(0);
            addDashed(name, Color.GRAY, x, new double[] {y, y});
        }
    }

    private void addDashed(String name, Color colour, double[] x, double[] y) {
        XYSeries line = chart.addSeries(name, x, y);
        line.setLineColor(colour);
        line.setLineStyle(new BasicStroke(1.5f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_BEVEL, 0, new float[] {6, 4},
                0));
        line.setMarker(SeriesMarkers.NONE);
        for (int i = 0; i < x.length; i++) {
            shown.add(new double[] {x[i], y[i]});
        }
    }

    private double[] limits(int index) {
        double[] values = column(shown, index);
        return new double[] {Arrays.stream(values).min().orElseThrow(), Arrays.stream(values).max().orElseThrow()};
    }

    @Override
    public boolean isEmpty() {
        return shown.isEmpty();
    }

    @Override
    public int width() {
        return chart.getWidth();
    }

    @Override
    public void paint(Graphics2D graphics) {
        if (!isEmpty()) {
            double[] x = range(limits(0));
            double[] y = range(limits(1));
            chart.getStyler().setXAxisMin(x[0]).setXAxisMax(x[1]).setYAxisMin(y[0]).setYAxisMax(y[1]);
        }
        chart.paint(graphics, chart.getWidth(), chart.getHeight());
    }

    /** Round limits round the limits of values, with two powers of ten among them, because only these get labels. */
    private static double[] range(double[] limits) {
        double low = limits[0];
        double high = limits[1];
        double lowPower = Math.floor(Math.log10(low));
        double highPower = Math.ceil(Math.log10(high));
        if (lowPower == highPower) {
            highPower++;
        }
        double roundLow = roundDown(low / 1.05);
        double roundHigh = 1 / roundDown(1 / (high * 1.05));
        double labels = Math.floor(Math.log10(roundHigh) + 1e-9) - Math.ceil(Math.log10(roundLow) - 1e-9) + 1;
        return labels >= 2 ? new double[] {roundLow, roundHigh}
                : new double[] {Math.pow(10, lowPower), Math.pow(10, highPower)};
    }

    /** The next 1, 2 or 5 times a power of ten below a value. */
    private static double roundDown(double value) {
        double power = Math.pow(10, Math.floor(Math.log10(value)));
        return value >= 5 * power ? 5 * power : value >= 2 * power ? 2 * power : power;
    }

    private static boolean positive(double value) {
        return value > 0 && value < Double.POSITIVE_INFINITY;
    }

    private static double[] column(List<double[]> points, int index) {
        return points.stream().mapToDouble(p -> p[index]).toArray();
    }
}
