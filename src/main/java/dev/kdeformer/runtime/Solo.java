package dev.kdeformer.runtime;

/** A team of one inside a task of another team. */
record Solo(Team outer, Scratch scratch) implements Inner {
    @Override
    public int threads() {
        return 1;
    }

    @Override
    public void forEach(int count, Task task) {
        for (int index = 0; index < count; index++) {
            outer.check();
            long mark = scratch.mark();
            task.run(index, scratch);
            scratch.release(mark);
        }
    }
}
