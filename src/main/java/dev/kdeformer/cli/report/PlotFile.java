package dev.kdeformer.cli.report;

import de.erichseifert.vectorgraphics2d.VectorGraphics2D;
import de.erichseifert.vectorgraphics2d.svg.SVGProcessor;
import de.erichseifert.vectorgraphics2d.util.PageSize;
import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.StandardStreams;
import dev.kdeformer.io.AtomicFile;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.geom.AffineTransform;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import javax.imageio.ImageIO;

/** Writes panels side by side as SVG or PNG. */
public final class PlotFile {
    /** Pixels of a PNG for one of the layout, so that it is sharp on dense screens. */
    private static final int DENSITY = 2;

    private PlotFile() {
    }

    /** Whether the name ends in a form that can be drawn. */
    public static boolean isKnown(Path file) {
        String name = file.toString().toLowerCase(Locale.ROOT);
        return name.endsWith(".svg") || name.endsWith(".png") || StandardStreams.isOutput(name);
    }

    /**
     * Draws panels into a file.
     *
     * @throws Failure     if all panels are empty or this Java cannot draw
     * @throws IOException if the file cannot be written
     */
    public static void write(Path file, List<? extends Drawing> panels) throws IOException {
        if (panels.stream().allMatch(Drawing::isEmpty)) {
            throw new Failure(file + ": nothing to plot, no run has a measured error above 0");
        }
        byte[] picture;
        try {
            picture = file.toString().toLowerCase(Locale.ROOT).endsWith(".png") ? png(panels) : svg(panels);
        } catch (LinkageError | InternalError | NullPointerException e) {
            // How a Java without fonts says so differs between versions; none of it would help the user.
            throw new Failure(file + ": cannot be drawn, this Java finds no fonts (on Linux install fontconfig and a "
                    + "font such as DejaVu)", e);
        }
        if (StandardStreams.isOutput(file.toString())) {
            StandardStreams.write(out -> out.write(picture));
        } else {
            AtomicFile.write(file, out -> out.write(picture));
        }
    }

    /**
     * Panels side by side as an element to put into a page.
     *
     * @param prefix goes before the names inside, which have to differ between the pictures of a page
     * @throws IOException if the picture cannot be drawn
     */
    public static String svgElement(List<? extends Drawing> panels, String prefix) throws IOException {
        String document = new String(svg(panels), StandardCharsets.UTF_8);
        return document.substring(document.indexOf("<svg")).replace("id=\"", "id=\"" + prefix)
                .replace("url(#", "url(#" + prefix).replace("href=\"#", "href=\"#" + prefix).strip();
    }

    private static byte[] svg(List<? extends Drawing> panels) throws IOException {
        VectorGraphics2D graphics = new VectorGraphics2D();
        paint(panels, graphics);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        new SVGProcessor().getDocument(graphics.getCommands(),
                new PageSize(width(panels), Drawing.HEIGHT)).writeTo(bytes);
        return SmallSvg.of(bytes.toString(StandardCharsets.UTF_8)).getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] png(List<? extends Drawing> panels) throws IOException {
        BufferedImage image = new BufferedImage(DENSITY * width(panels), DENSITY * Drawing.HEIGHT,
                BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, image.getWidth(), image.getHeight());
        graphics.scale(DENSITY, DENSITY);
        paint(panels, graphics);
        graphics.dispose();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageIO.write(image, "png", bytes);
        return bytes.toByteArray();
    }

    private static void paint(List<? extends Drawing> panels, Graphics2D graphics) {
        AffineTransform origin = graphics.getTransform();
        int left = 0;
        for (Drawing panel : panels) {
            graphics.setTransform(origin);
            graphics.translate(left, 0);
            panel.paint(graphics);
            left += panel.width();
        }
    }

    private static int width(List<? extends Drawing> panels) {
        return panels.stream().mapToInt(Drawing::width).sum();
    }
}
