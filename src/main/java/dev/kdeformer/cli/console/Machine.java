package dev.kdeformer.cli.console;

import com.sun.management.OperatingSystemMXBean;
import dev.kdeformer.runtime.MachineProbe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;

/** What can be known of the machine without measuring it. */
public final class Machine {
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

    private Machine() {
    }

    /** The facts by name, in a fixed order, as reports show them. */
    public static Map<String, Object> facts() {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("kdebench", Version.text());
        facts.put("jdk", Runtime.version().toString());
        facts.put("vm", System.getProperty("java.vm.name") + ", " + System.getProperty("java.vendor"));
        facts.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        facts.put("arch", System.getProperty("os.arch"));
        facts.put("cpu", cpu());
        facts.put("cores", Runtime.getRuntime().availableProcessors());
        facts.put("vectorBits", MachineProbe.vectorBits());
        return facts;
    }

    /** The machine in one line. */
    public static String line() {
        Map<String, Object> facts = facts();
        int cores = (int) facts.get("cores");
        return facts.get("cpu") + ", " + cores + (cores == 1 ? " core" : " cores") + ", " + facts.get("vectorBits")
                + "-bit vectors, JDK " + facts.get("jdk") + ", " + facts.get("os");
    }

    /**
     * Refuses what this machine cannot hold. Systems that promise more memory than there is would end the process
     * instead, long after, and without a word.
     *
     * @param what whose memory it is, the subject of the message
     * @throws Failure if the machine has less memory
     */
    public static void requireMemory(double bytes, String what) {
        if (ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system) {
            long total = system.getTotalMemorySize();
            if (total > 0 && bytes > total) {
                throw new Failure("not enough memory: " + what + " needs about " + Sentences.bytes(bytes)
                        + ", this machine has " + Sentences.bytes(total));
            }
        }
    }

    /** The processor's name where the system tells it, else its architecture. */
    private static String cpu() {
        String named = System.getenv("PROCESSOR_IDENTIFIER"); // Windows
        if (named == null && Files.isReadable(CPU_INFO)) {
            try (Stream<String> lines = Files.lines(CPU_INFO)) {
                named = lines.filter(line -> line.startsWith("model name")).findFirst()
                        .map(line -> line.substring(line.indexOf(':') + 1).strip()).orElse(null);
            } catch (IOException | UncheckedIOException e) {
                named = null; // a report without the processor's name is still a report
            }
        }
        return named == null || named.isBlank() ? System.getProperty("os.arch") : named;
    }
}
