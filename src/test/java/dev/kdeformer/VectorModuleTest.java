package dev.kdeformer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.reference.ChildJvm;
import dev.kdeformer.runtime.VectorModule;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Executor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VectorModuleTest {
    @TempDir
    private Path folder;

    @Test
    void withoutTheModuleEveryWayToMakeAnEngineNamesTheOption() throws Exception {
        ChildJvm.Result result = ChildJvm.start(folder, List.of(), MakeEngines.class.getName()).end();
        assertEquals("", result.err());
        assertEquals(0, result.code());
        assertEquals((VectorModule.MISSING + "\n").repeat(3), result.out());
        assertTrue(VectorModule.MISSING.contains("--add-modules jdk.incubator.vector"), VectorModule.MISSING);
    }

    @Test
    void withoutTheModuleTheCommandLineNamesTheOption() throws Exception {
        for (String command : List.of("run", "info")) {
            ChildJvm.Result result = ChildJvm.start(folder, List.of(), "dev.kdeformer.cli.Main", command).end();
            assertEquals(1, result.code(), result.err());
            assertEquals("", result.out());
            assertEquals(1, result.err().lines().count(), result.err());
            assertTrue(result.err().contains(VectorModule.MISSING), result.err());
        }
    }

    /** Makes engines in all ways and prints what is thrown. */
    static final class MakeEngines {
        private MakeEngines() {
        }

        public static void main(String[] args) {
            Executor own = Runnable::run;
            for (Runnable make : List.<Runnable>of(Engine::create, () -> Engine.create(2),
                    () -> Engine.create(2, own))) {
                try {
                    make.run();
                    System.out.print("an engine\n");
                } catch (IllegalStateException e) {
                    System.out.print(e.getMessage() + "\n");
                }
            }
        }
    }
}
