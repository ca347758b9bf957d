package dev.kdeformer.onnx.graph;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** An ONNX file that is open: its model refers to the mapped bytes, which are unmapped when this is closed. */
public final class ModelFile implements AutoCloseable {
    private final Arena arena;
    private final Model model;

    private ModelFile(Arena arena, Model model) {
        this.arena = arena;
        this.model = model;
    }

    /**
     * Opens and checks a file.
     *
     * @throws OnnxFormatException   if it is not an ONNX model
     * @throws IOException           if it cannot be read
     * @throws NoSuchFileException   if there is no such file
     * @throws AccessDeniedException if it may not be read
     */
    public static ModelFile open(Path file) throws IOException {
        if (!Files.exists(file)) {
            throw new NoSuchFileException(file.toString(), null, "no such file");
        }
        if (!Files.isRegularFile(file)) {
            throw new OnnxFormatException(file.toString(), Files.isDirectory(file)
                    ? "this is a folder; a model is read from a file"
                    : "this is a device or pipe; a model is read from a regular file");
        }
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(file)) {
            MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            return new ModelFile(arena, read(Place.of(file, bytes.byteSize()), bytes));
        } catch (AccessDeniedException e) {
            arena.close();
            throw new AccessDeniedException(file.toString(), null, "no permission to read this file");
        } catch (IOException | RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /** The model. */
    public Model model() {
        return model;
    }

    @Override
    public void close() {
        arena.close();
    }

    /** Reads a ModelProto. */
    static Model read(Place place, MemorySegment bytes) throws OnnxFormatException {
        Wire wire = new Wire(place.shown(), bytes, 0, bytes.byteSize());
        long irVersion = 0;
        Wire graph = null;
        Map<String, Long> opsets = new LinkedHashMap<>();
        List<Model.Part> parts = new ArrayList<>();
        while (wire.next()) {
            switch (wire.field()) {
                case 1 -> irVersion = wire.number();
                case 7 -> {
                    if (graph != null) {
                        throw wire.error("a second graph; a model has one");
                    }
                    graph = wire.block();
                }
                case 8 -> {
                    Wire opset = wire.block();
                    parts.add(new Model.Part(8, opset.segment()));
                    opset(opset, opsets);
                }
                case 25 -> parts.add(new Model.Part(25, wire.block().segment()));
                default -> wire.skip();
            }
        }
        if (graph == null || irVersion < 1 || opsets.isEmpty()) {
            throw new OnnxFormatException(place.shown(), "this is no ONNX model: it has "
                    + (graph == null ? "no graph" : irVersion < 1 ? "no version" : "no operator set"));
        }
        return new GraphReader(place, graph).model(irVersion, opsets, parts);
    }

    private static void opset(Wire wire, Map<String, Long> opsets) throws OnnxFormatException {
        String domain = "";
        long version = 0;
        while (wire.next()) {
            switch (wire.field()) {
                case 1 -> domain = wire.text();
                case 2 -> version = wire.number();
                default -> wire.skip();
            }
        }
        opsets.put(domain.equals("ai.onnx") ? "" : domain, version);
    }

    /** What is gathered of the main graph, and the checks that its parts fit together. */
    private static final class GraphReader {
        private final Place place;
        private final List<Node> nodes = new ArrayList<>();
        private final Map<String, Weight> weights = new LinkedHashMap<>();
        private final Map<String, MemorySegment> sparse = new LinkedHashMap<>();
        private final List<ValueInfo> inputs = new ArrayList<>();
        private final List<ValueInfo> outputs = new ArrayList<>();

        GraphReader(Place place, Wire wire) throws OnnxFormatException {
            this.place = place;
            while (wire.next()) {
                switch (wire.field()) {
                    case 1 -> add(Node.read(wire.block(), 0));
                    case 5 -> {
                        Weight weight = Weight.read(wire.block());
                        weights.put(weight.name(), weight);
                    }
                    case 11 -> inputs.add(ValueInfo.read(wire.block()));
                    case 12 -> outputs.add(ValueInfo.read(wire.block()));
                    case 15 -> {
                        Wire tensor = wire.block();
                        MemorySegment message = tensor.segment();
                        while (tensor.next()) {
                            if (tensor.field() == 1) {
                                sparse.put(Weight.read(tensor.block()).name(), message);
                            } else {
                                tensor.skip();
                            }
                        }
                    }
                    default -> wire.skip();
                }
            }
        }

        private void add(Node node) {
            Attribute value = node.attributes().get("value");
            if (node.is("Constant") && value != null && value.weight() != null
                    && value.weight().length() >= Weight.REFERRED && node.outputs().size() == 1) {
                Weight weight = value.weight();
                weights.put(node.output(0), new Weight(node.output(0), weight.kind(), weight.sizes(),
                        weight.message(), weight.offset(), weight.length(), weight.external()));
            } else {
                nodes.add(node);
            }
        }

        Model model(long irVersion, Map<String, Long> opsets, List<Model.Part> parts) throws OnnxFormatException {
            for (Weight weight : weights.values()) {
                if (weight.external() != null) {
                    place.external(weight.name(), weight.external());
                }
            }
            inputs.removeIf(input -> weights.containsKey(input.name()) || sparse.containsKey(input.name()));
            Set<String> made = new HashSet<>(weights.keySet());
            made.addAll(sparse.keySet());
            for (ValueInfo input : inputs) {
                make(made, input.name());
            }
            for (Node node : nodes) {
                for (String read : node.reads()) {
                    if (!made.contains(read)) {
                        throw error("node '" + node.shown() + "' reads '" + Names.shown(read)
                                + "', which nothing before it makes");
                    }
                }
                for (String output : node.outputs()) {
                    if (!output.isEmpty()) {
                        make(made, output);
                    }
                }
            }
            if (outputs.isEmpty()) {
                throw error("the graph has no output");
            }
            Set<String> names = new HashSet<>();
            for (ValueInfo output : outputs) {
                if (!made.contains(output.name()) || !names.add(output.name())) {
                    throw error("output '" + Names.shown(output.name()) + "' is "
                            + (names.contains(output.name()) ? "there twice" : "made by nothing"));
                }
            }
            return new Model(new Model.Header(place, irVersion, Map.copyOf(opsets)), List.copyOf(nodes), weights,
                    sparse, List.copyOf(inputs), List.copyOf(outputs), parts);
        }

        private void make(Set<String> made, String name) throws OnnxFormatException {
            if (name.isEmpty()) {
                throw error("an input has no name");
            }
            if (!made.add(name)) {
                throw error("value '" + Names.shown(name) + "' is made twice");
            }
        }

        private OnnxFormatException error(String problem) {
            return new OnnxFormatException(place.shown(), problem);
        }
    }
}
