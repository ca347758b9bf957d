package dev.kdeformer.peers;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.kdeformer.cli.peers.Peer;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** One ONNX Runtime session with its input and output tensors, which stay in Java's direct memory. */
final class OnnxCall implements Peer.Call {
    /** What every model calls its output. */
    static final String OUTPUT = "output";

    private final Arena arena;
    private final boolean fused;
    private final boolean outputByRow;
    private final FloatBuffer result;
    private final Map<String, OnnxTensor> inputs = new LinkedHashMap<>();
    private final Map<String, OnnxTensor> outputs = new LinkedHashMap<>();
    private OrtSession session;

    /**
     * Opens a session.
     *
     * @param arena       the memory of the tensors, closed with this call
     * @param output      the output tensor, named {@link #OUTPUT}
     * @param outputByRow whether the output's order is (batch, rows, heads), not (batch, heads, rows)
     */
    OnnxCall(Arena arena, OnnxModel model, int threads, boolean fused, List<Feed> feeds, Feed output,
            boolean outputByRow) {
        this.arena = arena;
        this.fused = fused;
        this.outputByRow = outputByRow;
        this.result = (FloatBuffer) output.buffer();
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        for (Feed feed : feeds) {
            model.input(feed.name(), feed.buffer() instanceof IntBuffer, feed.sizes());
        }
        model.output(output.name(), output.sizes());
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(threads);
            options.setInterOpNumThreads(1);
            options.setExecutionMode(OrtSession.SessionOptions.ExecutionMode.SEQUENTIAL);
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
            session = environment.createSession(model.toBytes(), options);
            for (Feed feed : feeds) {
                inputs.put(feed.name(), tensor(environment, feed));
            }
            outputs.put(output.name(), tensor(environment, output));
        } catch (OrtException e) {
            closeSession();
            throw new IllegalStateException("ONNX Runtime does not take the model: " + e.getMessage(), e);
        }
    }

    private static OnnxTensor tensor(OrtEnvironment environment, Feed feed) throws OrtException {
        return feed.buffer() instanceof IntBuffer whole ? OnnxTensor.createTensor(environment, whole, feed.sizes())
                : OnnxTensor.createTensor(environment, (FloatBuffer) feed.buffer(), feed.sizes());
    }

    @Override
    public boolean fused() {
        return fused;
    }

    @Override
    public void run() {
        try {
            session.run(inputs, Set.of(), outputs).close();
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime fails: " + e.getMessage(), e);
        }
    }

    @Override
    public void copyOutput(Tensor output) {
        if (outputByRow) {
            Layout.copyByRow(MemorySegment.ofBuffer(result), output);
        } else {
            Layout.copyByHead(MemorySegment.ofBuffer(result), output);
        }
    }

    @Override
    public void close() {
        closeSession();
        arena.close();
    }

    private void closeSession() {
        inputs.values().forEach(OnnxTensor::close);
        outputs.values().forEach(OnnxTensor::close);
        try {
            if (session != null) {
                session.close();
            }
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime does not close: " + e.getMessage(), e);
        }
    }
}
