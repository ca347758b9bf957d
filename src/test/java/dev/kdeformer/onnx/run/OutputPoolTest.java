package dev.kdeformer.onnx.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class OutputPoolTest {
    @Test
    void keepsWhatIsSmallAndGivesItAgainAsZeros() {
        try (OutputPool pool = new OutputPool()) {
            OutputPool.Lease first = pool.take(4096);
            OutputPool.Lease second = pool.take(4096);
            first.memory().set(ValueLayout.JAVA_INT, 8, 7);
            assertNotEquals(first.memory().address(), second.memory().address());
            first.close();
            assertTrue(first.memory().scope().isAlive());
            OutputPool.Lease again = pool.take(4096);
            assertEquals(first.memory().address(), again.memory().address());
            assertEquals(0, again.memory().get(ValueLayout.JAVA_INT, 8));
            OutputPool.Lease large = pool.take(64 << 20);
            large.close();
            assertFalse(large.memory().scope().isAlive());
            second.close();
        }
    }

    @Test
    void freesWhatComesBackAfterItsEnd() {
        OutputPool pool = new OutputPool();
        OutputPool.Lease kept = pool.take(4096);
        OutputPool.Lease out = pool.take(8192);
        kept.close();
        pool.close();
        assertFalse(kept.memory().scope().isAlive());
        assertTrue(out.memory().scope().isAlive());
        out.close();
        assertFalse(out.memory().scope().isAlive());
    }

    @Test
    void keepsNoMoreThanFew() {
        try (OutputPool pool = new OutputPool()) {
            OutputPool.Lease[] leases = new OutputPool.Lease[6];
            for (int i = 0; i < leases.length; i++) {
                leases[i] = pool.take(4096);
            }
            for (OutputPool.Lease lease : leases) {
                lease.close();
            }
            assertFalse(leases[0].memory().scope().isAlive());
            assertTrue(leases[5].memory().scope().isAlive());
        }
    }
}
