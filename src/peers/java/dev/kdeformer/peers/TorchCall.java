package dev.kdeformer.peers;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.InputFeature;
import dev.kdeformer.cli.peers.Peer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.FloatBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** PyTorch tensors over Java's direct memory, and the output of the latest run, which PyTorch allocates anew. */
final class TorchCall implements Peer.Call {
    private final Arena arena;
    private final boolean fused;
    private final Deque<Pointer> owned = new ArrayDeque<>();
    private final Tensor query;
    private final Tensor key;
    private final Tensor value;
    private final TensorOptional mask;
    private final DoubleOptional scale;
    private final boolean upperLeft;
    private Tensor output;

    private TorchCall(Arena arena, AttentionInput input, boolean fused) {
        this.arena = arena;
        this.fused = fused;
        int heads = input.heads();
        query = tensor(Layout.byHead(arena, input.query(), heads), input.batch(), heads, input.queries(), input.d());
        key = tensor(Layout.byHead(arena, input.key(), heads), input.batch(), heads, input.keys(), input.d());
        value = tensor(Layout.byHead(arena, input.value(), heads), input.batch(), heads, input.keys(), input.dv());
        // Its causal rule and a mask exclude each other.
        upperLeft = input.features().equals(Set.of(InputFeature.CAUSAL))
                && input.mask().causalOffset(input.queries(), input.keys()) == 0;
        if (input.features().isEmpty() || upperLeft) {
            mask = keep(new TensorOptional());
        } else {
            Feed summands = Layout.summands(arena, "mask", input);
            mask = keep(new TensorOptional(tensor((FloatBuffer) summands.buffer(), summands.sizes())));
        }
        scale = keep(new DoubleOptional(input.scale()));
    }

    static TorchCall of(AttentionInput input, boolean fused) {
        Arena arena = Arena.ofShared();
        try {
            return new TorchCall(arena, input, fused);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    private Tensor tensor(FloatBuffer buffer, long... sizes) {
        return keep(torch.from_blob(keep(new FloatPointer(buffer)), sizes));
    }

    private <T extends Pointer> T keep(T pointer) {
        owned.push(pointer);
        return pointer;
    }

    @Override
    public boolean fused() {
        return fused;
    }

    @Override
    public void run() {
        if (output != null) {
            output.close();
        }
        try {
            output = torch.scaled_dot_product_attention(query, key, value, mask, 0, upperLeft, scale, false);
        } catch (RuntimeException e) {
            output = null;
            throw new IllegalStateException("PyTorch fails: " + e.getMessage(), e);
        }
    }

    @Override
    @SuppressWarnings("restricted")
    public void copyOutput(dev.kdeformer.tensor.Tensor target) {
        try (Tensor contiguous = output.contiguous()) {
            Layout.copyByHead(MemorySegment.ofAddress(contiguous.data_ptr().address())
                    .reinterpret(target.shape().elements() * Float.BYTES), target);
        }
    }

    @Override
    public void close() {
        if (output != null) {
            output.close();
        }
        owned.forEach(Pointer::close);
        arena.close();
    }
}
