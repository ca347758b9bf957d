package dev.kdeformer.cli.input;

/**
 * An embedded picture, as the manifest describes it.
 *
 * @param name     what commands take
 * @param file     file name
 * @param width    pixels
 * @param height   pixels
 * @param channels 1 for grey, 3 for colour
 * @param source   who made it
 * @param licence  what allows its use
 */
public record Picture(String name, String file, int width, int height, int channels, String source, String licence) {
}
