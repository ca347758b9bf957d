package dev.kdeformer.cli.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Mask;
import dev.kdeformer.PairBias;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Runs the native peers where the Maven profile {@code peers} has fetched them. */
@EnabledIfSystemProperty(named = "kdebench.peers", matches = ".+", disabledReason = "needs the Maven profile peers")
class PeerAdaptersTest {
    private static URLClassLoader loader;
    private static List<Peer> peers;

    @BeforeAll
    static void load() throws IOException {
        List<URL> jars = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of(System.getProperty("kdebench.peers")),
                "*.jar")) {
            for (Path file : files) {
                jars.add(file.toUri().toURL());
            }
        }
        loader = new URLClassLoader(jars.toArray(URL[]::new), PeerAdaptersTest.class.getClassLoader());
        peers = ServiceLoader.load(Peer.class, loader).stream().map(ServiceLoader.Provider::get).toList();
    }

    @AfterAll
    static void close() throws IOException {
        loader.close();
    }

    private static Peer peer(String name) {
        return peers.stream().filter(peer -> peer.name().equals(name)).findFirst().orElseThrow();
    }

    private static boolean isFused(String name, AttentionInput input) {
        try (Peer.Call call = peer(name).prepare(input, 1)) {
            return call.fused();
        }
    }

    @Test
    void allAreFound() {
        assertEquals(List.of("onnxruntime-mha", "onnxruntime-attention", "onnxruntime-gqa", "onnxruntime-unfused",
                "pytorch-sdpa"),
                peers.stream().map(Peer::name).toList());
        peers.forEach(peer -> assertTrue(peer.version().matches("\\d+\\.\\d+\\.\\d+.*"), peer.version()));
    }

    /** Everything that some peer may take: masks, padding, biases of all kinds, soft caps. */
    private static List<TestInputs.Case> cases() {
        List<TestInputs.Case> cases = new ArrayList<>(TestInputs.all(3));
        TestInputs make = TestInputs.of(8);
        for (int kv : new int[] {4, 2}) {
            AttentionInput input = make.normal(2, 4, kv, 24, 24, 8, 8);
            cases.add(new TestInputs.Case("causal square", input.withMask(Mask.causal())));
            cases.add(new TestInputs.Case("soft cap", input.withSoftCap(0.7f)));
            cases.add(new TestInputs.Case("soft cap, causal", input.withSoftCap(0.7f).withMask(Mask.causal())));
            for (int kind = 1; kind < 4; kind++) {
                AttentionInput biased = input.withPairBias(make.pairBias(kind, 2, 4, 24, 24));
                cases.add(new TestInputs.Case("bias " + kind, biased));
                cases.add(new TestInputs.Case("causal, bias " + kind, biased.withMask(Mask.causal())));
                cases.add(new TestInputs.Case("padded, bias " + kind,
                        biased.withMask(Mask.none().withKeyLengths(20, 7))));
            }
            for (int sizes = 0; sizes < 4; sizes++) {
                Tensor dense = make.bias(Shape.of(sizes % 2 == 0 ? 1 : 2, sizes < 2 ? 1 : 4, 24, 24));
                cases.add(new TestInputs.Case("dense bias " + dense.shape(), input.withPairBias(PairBias.of(dense))));
            }
            cases.add(new TestInputs.Case("causal, padded",
                    input.withMask(Mask.causalUpperLeft().withKeyLengths(24, 7))));
        }
        return cases;
    }

    @Test
    void agreeWithTheReference() {
        for (Peer peer : peers) {
            int computed = 0;
            for (TestInputs.Case test : cases()) {
                AttentionInput input = test.input();
                Tensor output = TestInputs.of(0).zeros(input.outputShape());
                try (Peer.Call call = peer.prepare(input, 2)) {
                    call.run();
                    call.run();
                    call.copyOutput(output);
                } catch (UnsupportedOperationException e) {
                    continue;
                }
                computed++;
                // A logit of size L is off by about L·2⁻²⁴ for each of its d additions, and so is its weight.
                double tolerance = 1e-4 + TestInputs.largestLogit(input) * 4e-6;
                double difference = ReferenceAttention.of(input).maxDifference(output);
                assertTrue(difference <= tolerance, () -> peer.name() + ", " + test + ": off by " + difference);
            }
            // One of them is always causal, with as many queries as keys.
            int least = peer.name().endsWith("gqa") ? 4 : 40;
            assertTrue(computed >= least, peer.name() + " computed only " + computed);
        }
    }

    @Test
    void sayWhetherTheyAreFused() {
        AttentionInput input = TestInputs.of(4).normal(1, 2, 2, 33, 33, 8, 8);
        AttentionInput causal = input.withMask(Mask.causal());
        AttentionInput unequal = TestInputs.of(5).normal(1, 2, 2, 33, 33, 8, 7);
        assertTrue(isFused("onnxruntime-mha", input));
        assertFalse(isFused("onnxruntime-mha", causal));
        assertTrue(isFused("onnxruntime-mha", unequal));
        assertFalse(isFused("onnxruntime-mha", input.withMask(Mask.none().withKeyLengths(30))));
        assertFalse(isFused("onnxruntime-attention", input));
        assertTrue(isFused("onnxruntime-gqa", causal));
        assertFalse(isFused("onnxruntime-gqa", causal.withSoftCap(3)));
        assertFalse(isFused("onnxruntime-unfused", input));
        assertTrue(isFused("pytorch-sdpa", input));
        assertTrue(isFused("pytorch-sdpa", causal));
        assertFalse(isFused("pytorch-sdpa", unequal));
    }

    @Test
    void refuseWhatTheyCannotCompute() {
        TestInputs make = TestInputs.of(6);
        List<AttentionInput> inputs = List.of(
                make.normal(1, 1, 1, 9, 5, 4, 4).withMask(Mask.causal()),
                make.normal(1, 1, 1, 5, 9, 4, 4).withMask(Mask.none().withKeyLengths(0)),
                make.normal(1, 1, 1, 5, 9, 4, 4).withMask(Mask.window(2, 3)),
                make.normal(1, 1, 1, 5, 9, 4, 4).withSinks(1),
                make.normal(1, 1, 1, 5, 9, 4, 4).withKeyBias(make.zeros(Shape.of(1, 9))));
        for (Peer peer : peers) {
            for (AttentionInput input : inputs) {
                assertThrows(UnsupportedOperationException.class, () -> peer.prepare(input, 1).close());
            }
        }
    }
}
