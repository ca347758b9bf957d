package dev.kdeformer.runtime;

/** The team of a part that was dealt out: the thread that has it, and those of the crew that have none. */
record PartTeam(Crew outer, Scratch scratch, Dealt dealt) implements Inner {
    @Override
    public int threads() {
        return outer.threads();
    }

    @Override
    public void forEach(int count, Task task) {
        dealt.run(new Job(outer, scratch, count, (index, its) -> {
            try {
                outer.check();
                task.run(index, its);
            } catch (Throwable e) {
                dealt.first(e);
                throw e;
            }
        }, null));
    }
}
