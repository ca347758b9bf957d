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
 * Opens ONNX Runtime sessions: with threads that sleep when they have nothing to do, because those of one session would
 * else spin while the engine or another session computes. Parts of a model take their tensors from one arena for all,
 * and their threads where they can, see {@link SharedThreads}; a whole model has ONNX Runtime's defaults, an arena and
 * threads of its own.
 */
final class Sessions {
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final boolean shared = SharedArena.register(environment);
    private final int threads;

    Sessions(int threads) {
        this.threads = threads;
    }

    OrtEnvironment environment() {
        return environment;
    }

    /** A session of some nodes of a model, one of many. */
    OrtSession part(Model model, List<Node> nodes, List<PartFile.Given> given, List<String> outputs)
            throws OrtException, OnnxFormatException {
        try (OrtSession.SessionOptions options = options(false)) {
            if (SharedThreads.count() == threads) {
                options.disablePerSessionThreads();
            }
            options.setCPUArenaAllocator(shared);
            options.setMemoryPatternOptimization(false); // it would plan for each length, and keep what it planned
            if (shared) {
                options.addConfigEntry("session.use_env_allocators", "1");
            }
            return open(model, nodes, given, outputs, options);
        }
    }

    /**
     * A session of a whole model by its nodes.
     *
     * @param basic whether only optimisations are allowed that do not change how anything is computed
     */
    OrtSession whole(Model model, List<Node> nodes, List<String> outputs, boolean basic)
            throws OrtException, OnnxFormatException {
        try (OrtSession.SessionOptions options = options(basic)) {
            return open(model, nodes, List.of(), outputs, options);
        }
    }

    private OrtSession open(Model model, List<Node> nodes, List<PartFile.Given> given, List<String> outputs,
            OrtSession.SessionOptions options) throws OrtException, OnnxFormatException {
        byte[] file = PartFile.write(model, nodes, given, outputs);
        options.addConfigEntry("session.model_external_initializers_file_folder_path",
                model.header().place().folder().toString());
        return environment.createSession(file, options);
    }

    /** The same as its file has it. */
    OrtSession whole(Path file, boolean basic) throws OrtException {
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
        options.addConfigEntry("session.intra_op.allow_spinning", "0");
        options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
        return options;
    }

    /** How a part runs after which the arena is to give the system back what is free; null for as always. */
    OrtSession.RunOptions shrinking() throws OrtException {
        if (!shared) {
            return null;
        }
        OrtSession.RunOptions options = new OrtSession.RunOptions();
        options.addRunConfigEntry("memory.enable_memory_arena_shrinkage", "cpu:0");
        return options;
    }
}
