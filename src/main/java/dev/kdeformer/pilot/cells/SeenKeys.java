package dev.kdeformer.pilot.cells;

import static dev.kdeformer.pilot.cells.CellKernel.RANK;
import static dev.kdeformer.pilot.keys.KeyCells.CELL;

/** What one tile of queries has measured of the keys of all cells, an element for each key. */
final class SeenKeys {
    /** For each cell the mean product with every direction, and the sum of weights. */
    static final int MEANS = RANK + 1;

    /** Logits of the tile's centroid; once a cell has been taken apart, the weights of the keys that are not near. */
    final float[] logits;
    /** How far the logits of the tile's queries spread about the expansion of the key's cell. */
    final float[] spreads;
    /** The logarithm of the squared error that each key costs if its cell stands for it. */
    final float[] scores;
    /** {@link #MEANS} elements for each cell. */
    final float[] means;
    /** Variance of the queries along each direction other than the {@link CellKernel#RANK} ones. */
    float rest;

    SeenKeys(int cells) {
        logits = new float[cells * CELL];
        spreads = new float[cells * CELL];
        scores = new float[cells * CELL];
        means = new float[cells * MEANS];
    }
}
