package dev.kdeformer.runtime;

import java.util.function.Function;

/**
 * The way from an engine to its teams, for this library's own packages: the engine's public face shows none of it. An
 * engine cannot be named here, because it stands above this package; the class itself says, when it is loaded, how to
 * get inside.
 *
 * @param <E> the type of an engine
 */
public final class Crews<E> {
    private static volatile Crews<?> door;

    private final Function<E, Lender> lender;
    private final Function<Lender, E> engine;

    private Crews(Function<E, Lender> lender, Function<Lender, E> engine) {
        this.lender = lender;
        this.engine = engine;
    }

    /** Says how to get from an engine to its lender, and back. */
    public static <E> void connect(Function<E, Lender> lender, Function<Lender, E> engine) {
        door = new Crews<>(lender, engine);
    }

    @SuppressWarnings("unchecked") // there is one class of engines
    private static <E> Crews<E> door() {
        return (Crews<E>) door;
    }

    /**
     * Takes the team for one call; it goes back with {@link #end}.
     *
     * @throws IllegalStateException if the engine is closed
     */
    public static <E> Team begin(E engine) {
        return Crews.<E>door().lender.apply(engine).begin();
    }

    /** Gives back the team of a finished call. */
    public static <E> void end(E engine, Team team) {
        Crews.<E>door().lender.apply(engine).end(team);
    }

    /** An engine whose calls run on the team of a call that runs already; it holds nothing that is to be closed. */
    public static <E> E within(Team team) {
        return Crews.<E>door().engine.apply(new Lent(team));
    }
}
