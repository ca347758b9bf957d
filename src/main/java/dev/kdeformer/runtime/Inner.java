package dev.kdeformer.runtime;

/** A team that stands in for another, whose interruptions and progress are its own. */
interface Inner extends Team {
    /** The other team. */
    Team outer();

    @Override
    default void check() {
        outer().check();
    }

    @Override
    default void expect(long units) {
        outer().expect(units);
    }

    @Override
    default void advance(long units) {
        outer().advance(units);
    }
}
