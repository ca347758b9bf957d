package dev.kdeformer.onnx.run;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;

/**
 * Memory for the outputs of attentions. That of short sequences is kept from one to the next: closing an arena that
 * threads share stops all threads for a moment, which a short run would notice. May be used from many threads at once.
 */
final class OutputPool implements AutoCloseable {
    /** Bytes of the largest output that is kept. */
    private static final long LARGEST = 2 << 20;
    /** How many are kept. */
    private static final int MOST = 4;
    private static final int ALIGNMENT = 64;

    private final Deque<Lease> kept = new ArrayDeque<>();
    private boolean closed;

    /** Memory that is taken, and goes back when it is closed. */
    final class Lease implements AutoCloseable {
        private final Arena arena = Arena.ofShared();
        private final MemorySegment memory;

        private Lease(long bytes) {
            memory = arena.allocate(bytes, ALIGNMENT);
        }

        MemorySegment memory() {
            return memory;
        }

        @Override
        public void close() {
            if (!keep(this)) {
                arena.close();
            }
        }
    }

    /** Takes zeros. */
    Lease take(long bytes) {
        synchronized (kept) {
            for (Iterator<Lease> leases = kept.iterator(); leases.hasNext();) {
                Lease lease = leases.next();
                if (lease.memory.byteSize() == bytes) {
                    leases.remove();
                    lease.memory.fill((byte) 0);
                    return lease;
                }
            }
        }
        return new Lease(bytes);
    }

    /** Whether memory is kept; that which was kept longest makes room. */
    private boolean keep(Lease lease) {
        Lease oldest;
        synchronized (kept) {
            if (closed || lease.memory.byteSize() > LARGEST) {
                return false;
            }
            kept.add(lease);
            oldest = kept.size() > MOST ? kept.remove() : null;
        }
        if (oldest != null) {
            oldest.arena.close();
        }
        return true;
    }

    /** Frees what is kept; what is out is freed when it comes back. */
    @Override
    public void close() {
        synchronized (kept) {
            closed = true;
            kept.forEach(lease -> lease.arena.close());
            kept.clear();
        }
    }
}
