package dev.kdeformer.cli.report;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.style.CategoryStyler;

/** A chart of bars, whose colour tells the group they belong to. */
public final class BarPanel implements Drawing {
    private static final int WIDTH = 760;
    private static final Color[] COLOURS = {new Color(0x0072B2), new Color(0xE69F00), new Color(0x009E73)};

    private final String title;
    private final String yLabel;
    private final List<String> labels = new ArrayList<>();
    private final Map<String, Map<Integer, Double>> groups = new LinkedHashMap<>();

    /** Makes a panel without bars. */
    public BarPanel(String title, String yLabel) {
        this.title = title;
        this.yLabel = yLabel;
    }

    /** Adds a bar to the right of the others. */
    public void add(String group, String label, double value) {
        groups.computeIfAbsent(group, name -> new LinkedHashMap<>()).put(labels.size(), value);
        labels.add(label);
    }

    @Override
    public boolean isEmpty() {
        return labels.isEmpty();
    }

    @Override
    public int width() {
        return WIDTH;
    }

    @Override
    public void paint(Graphics2D graphics) {
        CategoryChart chart = new CategoryChartBuilder().width(WIDTH).height(HEIGHT).title(title).yAxisTitle(yLabel)
                .build();
        CategoryStyler style = chart.getStyler();
        style.setOverlapped(true); // each place has a bar in one group only
        style.setAvailableSpaceFill(0.6);
        style.setLabelsVisible(true);
        style.setLabelsFont(new Font(Font.SANS_SERIF, Font.BOLD, 12));
        style.setDecimalPattern("0.#");
        style.setYAxisMin(0.0);
        Look.apply(style);
        style.setPlotGridVerticalLinesVisible(false);
        style.setSeriesColors(COLOURS);
        groups.forEach((group, bars) -> {
            List<Double> values = new ArrayList<>();
            for (int i = 0; i < labels.size(); i++) {
                values.add(bars.get(i));
            }
            chart.addSeries(group, labels, values);
        });
        chart.paint(graphics, WIDTH, HEIGHT);
    }
}
