/**
 * Pictures: reading and writing them ({@code PictureFile}, {@code Pixels}), non-local means as attention
 * ({@code Patches}), and how well a method does it ({@code DenoiseBench}, {@code DenoiseReport}).
 */
package dev.kdeformer.cli.denoise;
