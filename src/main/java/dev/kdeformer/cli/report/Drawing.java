package dev.kdeformer.cli.report;

import java.awt.Graphics2D;

/** A chart that can be drawn beside others. */
public interface Drawing {
    /** Height of every chart in pixels. */
    int HEIGHT = 480;

    /** Whether nothing can be shown. */
    boolean isEmpty();

    /** Width in pixels. */
    int width();

    /** Draws the chart with its upper left corner at the origin. */
    void paint(Graphics2D graphics);
}
