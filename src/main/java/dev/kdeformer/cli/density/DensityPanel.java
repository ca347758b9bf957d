package dev.kdeformer.cli.density;

import dev.kdeformer.cli.report.Drawing;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.geom.Path2D;
import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.Locale;

/** A density on a line as a curve, or on a plane as a map. */
final class DensityPanel implements Drawing {
    private static final int WIDTH = 580;
    private static final int LEFT = 70;
    private static final int RIGHT = 20;
    private static final int TOP = 40;
    private static final int BOTTOM = 50;
    private static final int TICKS = 5;
    private static final int TICK_LENGTH = 5;

    /** From little to much: dark to light, told apart also in grey. */
    private static final Color[] COLOURS = {new Color(0x0B0B2E), new Color(0x3B1C70), new Color(0x8C2369),
        new Color(0xD8485C), new Color(0xF89441), new Color(0xFCF3A5)};

    private final String title;
    private final double[] low;
    private final double[] high;
    private final int columns;
    private final double[] densities;
    private final double most;

    /**
     * A panel.
     *
     * @param low     least coordinates, one or two
     * @param high    largest coordinates
     * @param columns estimates along the first coordinate
     * @param logs    logarithms of the densities, the first coordinate varying fastest
     */
    DensityPanel(String title, double[] low, double[] high, int columns, double[] logs) {
        this.title = title;
        this.low = low;
        this.high = high;
        this.columns = columns;
        this.densities = Arrays.stream(logs).map(Math::exp).toArray();
        this.most = Arrays.stream(densities).max().orElse(0);
    }

    @Override
    public boolean isEmpty() {
        return !(most > 0 && most < Double.POSITIVE_INFINITY);
    }

    @Override
    public int width() {
        return WIDTH;
    }

    @Override
    public void paint(Graphics2D graphics) {
        int width = WIDTH - LEFT - RIGHT;
        int height = HEIGHT - TOP - BOTTOM;
        if (low.length == 1) {
            curve(graphics, width, height);
        } else {
            map(graphics, width, height);
        }
        graphics.setColor(Color.BLACK);
        graphics.setStroke(new BasicStroke(1));
        graphics.drawRect(LEFT, TOP, width, height);
        graphics.setFont(new Font(Font.SANS_SERIF, Font.BOLD, 15));
        graphics.drawString(title + (low.length == 1 ? "" : ": density, at most " + number(most)), LEFT, TOP - 14);
        graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
        for (int i = 0; i <= TICKS; i++) {
            int x = LEFT + i * width / TICKS;
            int y = TOP + height - i * height / TICKS;
            graphics.drawLine(x, TOP + height, x, TOP + height + TICK_LENGTH);
            graphics.drawLine(LEFT - TICK_LENGTH, y, LEFT, y);
            double up = low.length == 1 ? most * i / TICKS : low[1] + (high[1] - low[1]) * i / TICKS;
            centred(graphics, number(low[0] + (high[0] - low[0]) * i / TICKS), x, TOP + height + 20);
            graphics.drawString(number(up), 8, y + 4);
        }
        centred(graphics, low.length == 1 ? "density over x" : "x, and y upwards", LEFT + width / 2, HEIGHT - 10);
    }

    private void curve(Graphics2D graphics, int width, int height) {
        Path2D path = new Path2D.Double();
        for (int i = 0; i < columns; i++) {
            double x = LEFT + (i + 0.5) / columns * width;
            double y = TOP + height * (1 - densities[i] / most);
            if (i == 0) {
                path.moveTo(x, y);
            } else {
                path.lineTo(x, y);
            }
        }
        graphics.setColor(new Color(0x0072B2));
        graphics.setStroke(new BasicStroke(2));
        graphics.draw(path);
    }

    private void map(Graphics2D graphics, int width, int height) {
        int rows = densities.length / columns;
        BufferedImage image = new BufferedImage(columns, rows, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < densities.length; i++) {
            image.setRGB(i % columns, rows - 1 - i / columns, colour(densities[i] / most));
        }
        graphics.drawImage(image, LEFT, TOP, width, height, null);
    }

    /** The root of the density chooses the colour, so that what is thin can still be seen. */
    private static int colour(double part) {
        double at = Math.sqrt(Math.max(0, Math.min(1, part))) * (COLOURS.length - 1);
        int below = Math.min(COLOURS.length - 2, (int) at);
        Color a = COLOURS[below];
        Color b = COLOURS[below + 1];
        double t = at - below;
        return mix(a.getRed(), b.getRed(), t) << 16 | mix(a.getGreen(), b.getGreen(), t) << 8
                | mix(a.getBlue(), b.getBlue(), t);
    }

    private static int mix(int a, int b, double t) {
        return (int) Math.round(a + t * (b - a));
    }

    private static void centred(Graphics2D graphics, String text, int x, int y) {
        graphics.drawString(text, x - graphics.getFontMetrics().stringWidth(text) / 2, y);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.3g", value);
    }
}
