package dev.kdeformer.peers;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.InputFeature;
import dev.kdeformer.cli.peers.Peer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.openblas.global.openblas;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * PyTorch's {@code scaled_dot_product_attention}, by the JavaCPP bindings. On the CPU it runs one tiled kernel where d
 * equals d_v, masked or not, and the plain products otherwise.
 */
public final class TorchAttention implements Peer {
    @Override
    public String name() {
        return "pytorch-sdpa";
    }

    @Override
    public String version() {
        String version = Tensor.class.getPackage().getImplementationVersion();
        return version == null ? "unknown" : version;
    }

    @Override
    public String caution() {
        String set = Stream.of("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE").filter(name -> System.getenv(name) != null)
                .map(name -> name + "=" + System.getenv(name)).collect(Collectors.joining(" and "));
        return set.isEmpty() ? "" : set + " in the environment can slow " + name() + " down: unset for a fair figure";
    }

    @Override
    public Call prepare(AttentionInput input, int threads) {
        Limits.check(input, InputFeature.CAUSAL, InputFeature.KEY_LENGTHS, InputFeature.PAIR_BIAS);
        boolean tiled = input.d() == input.dv();
        if (!tiled) {
            Limits.checkLogits(input, 3L * input.batch() * input.heads());
        }
        NativeFolder.choose();
        torch.set_num_threads(threads);
        // The tiled kernel calls BLAS from threads of its own; more threads below each of them only get in the way.
        openblas.blas_set_num_threads(tiled ? 1 : threads);
        return TorchCall.of(input, tiled);
    }
}
