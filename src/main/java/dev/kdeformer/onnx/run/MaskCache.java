package dev.kdeformer.onnx.run;

import dev.kdeformer.Engine;
import dev.kdeformer.onnx.match.MaskTerm;
import dev.kdeformer.onnx.match.Site;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The masks of a run: those that layers share are read once. */
final class MaskCache {
    private final Engine engine;
    private final Map<Object, Object> known = new HashMap<>();

    MaskCache(Engine engine) {
        this.engine = engine;
    }

    /** What tells masks apart within a run. */
    private record Key(List<MaskTerm> terms, Site.Causal causal, int batch, int heads, int queries, int keys) {
    }

    MaskForm form(Site site, Grid grid, Reader reader) throws CannotRun {
        Key key = new Key(site.logits().masks(), site.logits().causal(), grid.batch(), grid.heads(), grid.queries(),
                grid.keys());
        Object found = known.get(key);
        if (found == null) {
            try {
                found = read(site, grid, reader);
            } catch (CannotRun e) {
                found = e;
            }
            known.put(key, found);
        }
        if (found instanceof CannotRun reason) {
            throw reason;
        }
        return (MaskForm) found;
    }

    private MaskForm read(Site site, Grid grid, Reader reader) throws CannotRun {
        Map<String, long[]> shapes = new HashMap<>();
        for (String shape : site.logits().shapes()) {
            shapes.put(shape, whole(reader.read(shape)));
        }
        List<TermView> terms = new ArrayList<>();
        for (MaskTerm term : site.logits().masks()) {
            terms.add(TermView.of(term, reader.read(term.value()), grid, shapes::get));
        }
        return MaskScan.scan(engine, site.logits().causal(), grid, terms);
    }

    /** A shape as whole numbers. */
    static long[] whole(RawTensor raw) throws CannotRun {
        long[] sizes = new long[(int) Math.min(64, raw.elements())];
        for (int i = 0; i < sizes.length; i++) {
            sizes[i] = (long) raw.get(i);
        }
        return sizes;
    }

    /** The values of a mask. */
    interface Reader {
        RawTensor read(String name) throws CannotRun;
    }
}
