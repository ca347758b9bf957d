package dev.kdeformer.cli.training;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.io.AtomicFile;
import dev.kdeformer.io.Npy;
import dev.kdeformer.tensor.Tensor;
import dev.kdeformer.train.ModelAttention;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Exact attention that writes the queries, keys and values of some layers as a data set: .npy files, and an entry in
 * the folder's manifest.json, which {@code --data-dir} reads.
 */
public final class ActivationDump extends ModelAttention {
    private static final String MANIFEST = "manifest.json";

    private final Path folder;
    private final String name;
    private final List<Integer> layers;
    private final String model;
    private final String text;
    private final List<Map<String, Object>> sets = new ArrayList<>();

    /**
     * A dump.
     *
     * @param name   what the sets' names begin with; the length and the layer follow
     * @param layers layers to write
     * @param count  layers of the model
     * @param model  the model in words, for the manifest
     * @param text   what it is given, in words
     */
    public ActivationDump(Engine engine, Path folder, String name, List<Integer> layers, int count, String model,
            String text) {
        super(engine, Collections.nCopies(count, Attention.exact().build()));
        this.folder = folder;
        this.name = name;
        this.layers = List.copyOf(layers);
        this.model = model;
        this.text = text;
    }

    @Override
    protected void forward(int layer, AttentionInput input, Tensor output, Tensor logSumExp) {
        if (layers.contains(layer)) {
            try {
                write(layer, input);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        super.forward(layer, input, output, logSumExp);
    }

    private void write(int layer, AttentionInput input) throws IOException {
        String set = name + "-" + input.queries() + ".layer" + layer;
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("q", input.query());
        tensors.put("k", input.key());
        tensors.put("v", input.value());
        Map<String, Object> files = new LinkedHashMap<>();
        for (Map.Entry<String, Tensor> tensor : tensors.entrySet()) {
            String file = set + "." + tensor.getKey() + ".npy";
            Npy.write(folder.resolve(file), tensor.getValue(), 3);
            files.put(tensor.getKey(), file);
        }
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("name", set);
        entry.put("files", files);
        entry.put("heads", input.heads());
        entry.put("n", input.queries());
        entry.put("d", input.d());
        entry.put("dv", input.dv());
        entry.put("scale", input.scale());
        entry.put("causal", true);
        entry.put("model", "kdebench train: " + model);
        entry.put("package", "kdeformer");
        entry.put("licence", "Apache-2.0");
        entry.put("input", text);
        entry.put("kind", "natural: consecutive bytes, causal, rotary positions, " + input.kvHeads()
                + " key heads for " + input.heads() + " query heads");
        sets.add(entry);
    }

    /**
     * Adds the sets to the folder's manifest, in the place of earlier ones of the same names.
     *
     * @throws IOException if the manifest cannot be read or written
     * @throws Failure     if the manifest that is there is none
     */
    public List<String> finish() throws IOException {
        Path file = folder.resolve(MANIFEST);
        Map<String, Object> manifest = new LinkedHashMap<>();
        if (Files.exists(file)) {
            manifest.putAll(JSON.std.mapFrom(Files.readAllBytes(file)));
        }
        List<String> names = sets.stream().map(set -> (String) set.get("name")).toList();
        List<Object> all = new ArrayList<>();
        if (manifest.get("sets") instanceof List<?> before) {
            before.stream().filter(set -> !(set instanceof Map<?, ?> map && names.contains(map.get("name"))))
                    .forEach(all::add);
        } else if (manifest.containsKey("sets")) {
            throw new Failure(file + ": sets must be a list");
        }
        all.addAll(sets);
        manifest.put("sets", all);
        byte[] json = JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).asBytes(manifest);
        AtomicFile.write(file, out -> out.write(json));
        return names;
    }
}
