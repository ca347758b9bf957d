package dev.kdeformer.runtime;

/**
 * A team whose leader takes memory from elsewhere than its own: for what is to last longer than a call. The tasks have
 * the scratch memory of their threads as ever.
 *
 * @param scratch where the leader's memory comes from
 */
public record Keeping(Team outer, Scratch scratch) implements Inner {
    @Override
    public int threads() {
        return outer.threads();
    }

    @Override
    public void forEach(int count, Task task) {
        outer.forEach(count, task);
    }
}
