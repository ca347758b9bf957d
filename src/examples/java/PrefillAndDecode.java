///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 22+
//REPOS mavenlocal,mavencentral
//DEPS dev.kdeformer:kdeformer:0.1.0
//RUNTIME_OPTIONS --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.decode.KeyValueCache;
import dev.kdeformer.decode.SparseDecoding;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;

/** A prompt at once under a causal mask, then one token at a time against the cache: 8 query heads on 2 key heads. */
public class PrefillAndDecode {
    private static final int HEADS = 8;
    private static final int KEY_HEADS = 2;
    private static final int FEATURES = 64;
    private static final float SCALE = (float) (1 / Math.sqrt(FEATURES));

    private static Tensor random(Arena arena, Shape shape, Random random) {
        float[] numbers = new float[(int) shape.elements()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return Tensor.copyOf(arena, shape, numbers);
    }

    public static void main(String[] args) {
        int prompt = args.length > 0 ? Integer.parseInt(args[0]) : 4_000;
        int tokens = 16;
        int all = prompt + tokens;
        Random random = new Random(1);
        try (Engine engine = Engine.create(); Arena arena = Arena.ofShared();
                KeyValueCache cache = KeyValueCache.createIndexed(1, KEY_HEADS, FEATURES, FEATURES)) {
            Tensor query = random(arena, Shape.of(1, HEADS, all, FEATURES), random);
            Tensor key = random(arena, Shape.of(1, KEY_HEADS, all, FEATURES), random);
            Tensor value = random(arena, Shape.of(1, KEY_HEADS, all, FEATURES), random);

            // Prefill: the whole prompt in one call, its keys and values into the cache.
            Tensor output = Tensor.allocate(arena, Shape.of(1, HEADS, prompt, FEATURES));
            Attention.exact().build().apply(engine, AttentionInput.of(query.rows(0, prompt), key.rows(0, prompt),
                    value.rows(0, prompt)).withMask(Mask.causal()), output);
            cache.observe(engine, query.rows(0, prompt));         // queries like those to come, for the index
            cache.append(engine, key.rows(0, prompt), value.rows(0, prompt));

            // Decode: a token's key and value go in before its query is answered, so that it sees itself.
            Tensor row = Tensor.allocate(arena, Shape.of(1, HEADS, 1, FEATURES));
            Tensor sparse = Tensor.allocate(arena, row.shape());
            SparseDecoding tenth = SparseDecoding.builder().budget(0.1).build();
            SparseDecoding.Statistics read = null;
            for (int i = prompt; i < all; i++) {
                cache.append(engine, key.rows(i, 1), value.rows(i, 1));
                cache.decode(engine, query.rows(i, 1), row);
                read = tenth.apply(engine, cache, query.rows(i, 1), sparse, null, SCALE);
            }

            // The last token, computed without a cache, must be the same.
            Tensor whole = Tensor.allocate(arena, row.shape());
            Attention.exact().build().apply(engine, AttentionInput.of(query.rows(all - 1, 1), key, value), whole);
            double difference = 0;
            for (int h = 0; h < HEADS; h++) {
                for (int c = 0; c < FEATURES; c++) {
                    difference = Math.max(difference, Math.abs(row.matrix(0, h).get(0, c)
                            - whole.matrix(0, h).get(0, c)));
                }
            }
            System.out.printf("cache holds      %d keys, %,d bytes%n", cache.length(), cache.bytes());
            System.out.printf("largest change   %.1e%n", difference);
            System.out.printf("sparse read      %.3f of the bytes%n", read.bytesRead());
        }
    }
}
