package dev.kdeformer.onnx.run;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.TensorInfo;
import dev.kdeformer.onnx.graph.ElementKind;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A value of a running model: ONNX Runtime's, with memory of its own, the user's, or ours, over memory of a pool.
 */
final class Held implements AutoCloseable {
    private final OnnxValue value;
    private final OutputPool.Lease lease;
    private final boolean owned;
    private final RawTensor raw;

    private Held(OnnxValue value, OutputPool.Lease lease, boolean owned, RawTensor raw) {
        this.value = value;
        this.lease = lease;
        this.owned = owned;
        this.raw = raw;
    }

    /** A value that ONNX Runtime made. */
    static Held made(OnnxValue value) {
        return new Held(value, null, true, null);
    }

    /** A value that the user gave and closes. */
    static Held given(OnnxValue value) {
        return new Held(value, null, false, null);
    }

    /** A float32 tensor of ours, zeros at first, that ONNX Runtime reads where it is. */
    static Held allocate(OrtEnvironment environment, OutputPool pool, long[] sizes) throws OrtException, CannotRun {
        RawTensor shape = new RawTensor(null, ElementKind.FLOAT, sizes);
        long bytes = shape.elements() * Float.BYTES;
        if (bytes > Integer.MAX_VALUE - 8) {
            throw new CannotRun("its output has " + bytes + " bytes, and Java hands over at most 2 GB in one piece");
        }
        OutputPool.Lease lease = pool.take(bytes);
        try {
            MemorySegment memory = lease.memory();
            OnnxTensor tensor = OnnxTensor.createTensor(environment,
                    memory.asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer(), sizes);
            return new Held(tensor, lease, true, new RawTensor(memory, ElementKind.FLOAT, sizes));
        } catch (OrtException | RuntimeException | Error e) {
            lease.close();
            throw e;
        }
    }

    /** The value as ONNX Runtime takes it. */
    OnnxValue value() {
        return value;
    }

    /**
     * The elements where they are.
     *
     * @throws CannotRun if it is no tensor of numbers
     */
    RawTensor raw() throws CannotRun {
        if (raw != null) {
            return raw;
        }
        if (!(value instanceof OnnxTensor tensor)) {
            throw new CannotRun("a value is no tensor");
        }
        TensorInfo info = tensor.getInfo();
        ByteBuffer bytes = NativeBytes.of(tensor);
        if (bytes == null) {
            throw new CannotRun("a tensor has elements of type " + info.onnxType);
        }
        return new RawTensor(MemorySegment.ofBuffer(bytes), Kinds.of(info), info.getShape());
    }

    @Override
    public void close() {
        if (owned) {
            value.close();
        }
        if (lease != null) {
            lease.close();
        }
    }
}
