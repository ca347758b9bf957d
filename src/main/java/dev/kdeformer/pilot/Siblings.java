package dev.kdeformer.pilot;

import java.util.Arrays;

/** Buffers of one thread for siblings of the query tree, which are worked on together. */
final class Siblings {
    final NodeScratch[] buffers = new NodeScratch[1 << PilotWalk.LEVELS];

    final SiblingFold fold = new SiblingFold();

    Siblings() {
        Arrays.setAll(buffers, i -> new NodeScratch());
    }
}
