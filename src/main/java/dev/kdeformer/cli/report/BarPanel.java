package dev.kdeformer.cli.report;

import java.awt.BasicStroke;
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
import org.knowm.xchart.style.Styler.LegendPosition;

/** A chart of bars, whose colour tells the group they belong to. */
public final class BarPanel implements Drawing {
    private static final int WIDTH = 760;
    private static final Color[] COLOURS = {new Color(0x0072B2), new Color(0xE69F00), new Color(0x009E73)};

    private final String title;
    private final String yLabel;
    private final List<String> labels = new ArrayList<>();
    private final Map<String, Map<Integer, Double>> groups = new LinkedHashMap<>();

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
        style.setChartBackgroundColor(Color.WHITE);
        style.setPlotBackgroundColor(Color.WHITE);
        style.setPlotGridLinesColor(new Color(0xDDDDDD));
        // Dashes would be drawn one by one and make a file ten times as large.
        style.setPlotGridLinesStroke(new BasicStroke(1));
        style.setPlotGridVerticalLinesVisible(false);
        style.setLegendPosition(LegendPosition.OutsideE);
        style.setLegendBorderColor(Color.WHITE);
        style.setChartTitleBoxVisible(false);
        style.setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 15));
        style.setAxisTitleFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13));
        style.setAxisTickLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
        style.setLegendFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
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
