package dev.kdeformer.onnx.run;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.TensorInfo;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/**
 * The memory of an ONNX Runtime tensor. Its Java interface gives that of tensors made of a buffer, and of others only a
 * copy on the heap, one array for hundreds of megabytes; the private method below that copy gives the memory itself.
 * Where a later version no longer has it, there is the copy.
 */
final class NativeBytes {
    private static final Method MEMORY = find();

    private NativeBytes() {
    }

    private static Method find() {
        try {
            Method method = OnnxTensor.class.getDeclaredMethod("getBuffer");
            method.setAccessible(true);
            return method.getReturnType() == ByteBuffer.class ? method : null;
        } catch (NoSuchMethodException | RuntimeException e) {
            return null;
        }
    }

    /** The bytes of a tensor, which are valid while it is open; null if its elements are text. */
    static ByteBuffer of(OnnxTensor tensor) {
        TensorInfo info = tensor.getInfo();
        if (info.onnxType == TensorInfo.OnnxTensorType.ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING) {
            return null;
        }
        if (info.getNumElements() == 0) {
            return ByteBuffer.allocateDirect(0);
        }
        if (MEMORY != null) {
            try {
                return ((ByteBuffer) MEMORY.invoke(tensor)).order(ByteOrder.nativeOrder());
            } catch (IllegalAccessException | InvocationTargetException e) {
                throw new IllegalStateException("ONNX Runtime does not give the memory of a tensor", e);
            }
        }
        Optional<Buffer> own = tensor.getBufferRef();
        if (own.isPresent() && own.get() instanceof ByteBuffer bytes && bytes.isDirect()) {
            return bytes.duplicate().order(ByteOrder.nativeOrder());
        }
        ByteBuffer copy = tensor.getByteBuffer();
        ByteBuffer direct = ByteBuffer.allocateDirect(copy.remaining()).order(ByteOrder.nativeOrder());
        return direct.put(copy).flip().order(ByteOrder.nativeOrder());
    }
}
