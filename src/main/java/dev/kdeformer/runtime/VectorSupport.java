package dev.kdeformer.runtime;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * Whether this virtual machine turns the kernels' vector code into vector instructions. Where it does not, everything
 * is right and some hundred to ten thousand times slower, and nothing else would say why.
 */
public final class VectorSupport {
    private static final AtomicBoolean SAID = new AtomicBoolean();

    private VectorSupport() {
    }

    /** Says what is wrong, once in a process and in one sentence; nothing where all is well. */
    public static void warnOnce(Consumer<String> say) {
        if (!SAID.get()) {
            Optional<String> problem = problem(System.getProperty("java.vm.name"), System.getProperty("java.vm.info"),
                    VectorSupport::option);
            if (problem.isPresent() && SAID.compareAndSet(false, true)) {
                say.accept(problem.get());
            }
        }
    }

    /** Whether the virtual machine multiplies and adds in one instruction; taken to be so where it does not tell. */
    static boolean isFused() {
        return isFused(VectorSupport::option);
    }

    private static boolean isFused(Options options) {
        return !"false".equals(options.get("UseFMA"));
    }

    /** The value of an option of the virtual machine. */
    @FunctionalInterface
    interface Options {
        /** The value, or null where there is no such option or the machine does not tell. */
        String get(String name);
    }

    /** What is wrong with a virtual machine of a name, its mode and its options. */
    static Optional<String> problem(String name, String info, Options options) {
        String vm = name == null ? "" : name;
        String mode = info == null ? "" : info.toLowerCase(Locale.ROOT);
        if (mode.contains("interpreted")) {
            return slow("this Java only interprets (-Xint)", "start it without that option");
        }
        if (vm.contains("OpenJ9")) {
            return slow("this Java is " + vm + ", which makes no vector instructions of vector code", "take a HotSpot "
                    + "build such as Temurin");
        }
        if (mode.contains("emulated-client") || vm.contains("Client") || vm.contains("Zero")) {
            return slow("this Java runs without its optimising compiler C2", "take out -XX:TieredStopAtLevel and "
                    + "-client");
        }
        if ("true".equals(options.get("UseJVMCICompiler"))) {
            return Optional.of("this Java compiles with Graal, with which kdeformer was not tried; if it is slow, "
                    + "-XX:-UseJVMCICompiler takes the usual compiler");
        }
        if (!isFused(options)) {
            return Optional.of("this processor, or what the virtual machine is shown of it, has no fused multiply-add: "
                    + "kdeformer multiplies and adds in two steps, slower and with other last bits; pass the host's "
                    + "processor through (QEMU: -cpu host), or take out -XX:-UseFMA");
        }
        return Optional.empty();
    }

    private static Optional<String> slow(String cause, String remedy) {
        return Optional.of(cause + ": kdeformer computes the same results, but up to 10,000 times slower; " + remedy);
    }

    private static String option(String name) {
        try {
            HotSpotDiagnosticMXBean bean = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
            return bean == null ? null : bean.getVMOption(name).getValue();
        } catch (IllegalArgumentException | LinkageError e) {
            return null; // an option of other versions, or a Java without the module jdk.management
        }
    }
}
