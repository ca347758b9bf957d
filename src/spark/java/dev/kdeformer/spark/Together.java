package dev.kdeformer.spark;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.BiPredicate;

/** Elements that follow each other and belong together, a list at a time. */
final class Together<T> implements Iterator<List<T>> {
    private final Iterator<T> elements;
    private final BiPredicate<List<T>, T> belongs;
    private T next;

    /**
     * Takes elements as they come.
     *
     * @param belongs whether an element belongs to those before it, at least one
     */
    Together(Iterator<T> elements, BiPredicate<List<T>, T> belongs) {
        this.elements = elements;
        this.belongs = belongs;
        advance();
    }

    private void advance() {
        next = elements.hasNext() ? elements.next() : null;
    }

    @Override
    public boolean hasNext() {
        return next != null;
    }

    @Override
    public List<T> next() {
        if (next == null) {
            throw new NoSuchElementException();
        }
        List<T> list = new ArrayList<>();
        do {
            list.add(next);
            advance();
        } while (next != null && belongs.test(list, next));
        return list;
    }
}
