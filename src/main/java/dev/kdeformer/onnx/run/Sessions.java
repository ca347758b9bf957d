package dev.kdeformer.onnx.run;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import dev.kdeformer.onnx.graph.Model;
import dev.kdeformer.onnx.graph.Node;
import dev.kdeformer.onnx.graph.OnnxFormatException;
import dev.kdeformer.onnx.graph.PartFile;
import java.nio.file.Path;
import java.util.List;

/**
 * Opens ONNX Runtime sessions, all alike: threads that sleep when they have nothing to do, because those of one session
 * would else spin while the engine or another session computes, and no arena, because each session would keep its own.
 */
final class Sessions {
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final int threads;

    Sessions(int threads) {
        this.threads = threads;
    }

    OrtEnvironment environment() {
        return environment;
    }

    /** A session of some nodes of a model. */
    OrtSession open(Model model, List<Node> nodes, List<PartFile.Given> given, List<String> outputs)
            throws OrtException, OnnxFormatException {
        return open(model, nodes, given, outputs, false);
    }

    /** The same at another level of optimisation. */
    OrtSession open(Model model, List<Node> nodes, List<PartFile.Given> given, List<String> outputs, boolean basic)
            throws OrtException, OnnxFormatException {
        byte[] part = PartFile.write(model, nodes, given, outputs);
        try (OrtSession.SessionOptions options = options(basic)) {
            options.addConfigEntry("session.model_external_initializers_file_folder_path",
                    model.header().place().folder().toString());
            return environment.createSession(part, options);
        }
    }

    /**
     * A session of a whole model.
     *
     * @param basic whether only optimisations are allowed that do not change how anything is computed
     */
    OrtSession open(Path file, boolean basic) throws OrtException {
        try (OrtSession.SessionOptions options = options(basic)) {
            return environment.createSession(file.toString(), options);
        }
    }

    private OrtSession.SessionOptions options(boolean basic) throws OrtException {
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        options.setIntraOpNumThreads(threads);
        options.setInterOpNumThreads(1);
        options.setOptimizationLevel(basic ? OrtSession.SessionOptions.OptLevel.BASIC_OPT
                : OrtSession.SessionOptions.OptLevel.ALL_OPT);
        options.setCPUArenaAllocator(false);
        options.setMemoryPatternOptimization(false);
        options.addConfigEntry("session.intra_op.allow_spinning", "0");
        options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
        return options;
    }
}
