package dev.kdeformer.pilot.keys;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Engine;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ReflectionTest {
    private final Engine engine = Engine.create(2);
    private final Team crew = Crews.begin(engine);
    private final RandomKeys random = new RandomKeys(crew.scratch(), new SplittableRandom(3));

    @AfterEach
    void close() {
        Crews.end(engine, crew);
        engine.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 15, 16, 17, 33, 100, 256})
    void productsStayAndTwoReflectionsAreNone(int d) {
        Rows queries = random.rows(50, d);
        Rows keys = random.rows(40, d);
        double[] products = products(queries, keys);
        double[] before = doubles(keys);
        Reflection reflection = Reflection.reflect(queries, null, crew);
        reflection.apply(keys, crew);
        double[] reflected = reflection.applied(before, d);
        double[] once = doubles(keys);
        for (int i = 0; i < once.length; i++) {
            assertEquals(reflected[i], once[i], 1e-5);
        }
        double[] after = products(queries, keys);
        for (int i = 0; i < after.length; i++) {
            assertEquals(products[i], after[i], 3e-6 * d + 1e-5);
        }
        float[] row = new float[keys.stride()];
        keys.read(7, row, 0);
        reflection.apply(row);
        for (int c = 0; c < d; c++) {
            assertEquals(before[7 * d + c], row[c], 1e-5);
        }
        for (int c = d; c < row.length; c++) {
            assertEquals(0, row[c]);
        }
    }

    @Test
    void theLeadingDirectionIsTheFirstAxis() {
        int d = 20;
        Rows queries = random.rows(300, d);
        float[] direction = random.floats(d);
        float[] row = new float[queries.stride()];
        for (int i = 0; i < queries.count(); i++) {
            queries.read(i, row, 0);
            float far = 9 * random.floats(1)[0];
            for (int c = 0; c < d; c++) {
                row[c] += far * direction[c];
            }
            queries.write(i, row, 0);
        }
        Reflection.reflect(queries, null, crew);
        double first = 0;
        double others = 0;
        double[] all = doubles(queries);
        for (int i = 0; i < all.length; i++) {
            double square = all[i] * all[i];
            first += i % d == 0 ? square : 0;
            others += i % d == 0 ? 0 : square;
        }
        assertTrue(first > 50 * others, first + " against " + others);
    }

    @Test
    void queriesThatAreAllAlikeStay() {
        Rows queries = random.rows(1, 5);
        double[] before = doubles(queries);
        Reflection.reflect(queries, null, crew);
        double[] after = doubles(queries);
        for (int c = 0; c < before.length; c++) {
            assertEquals(before[c], after[c]);
        }
    }

    private static double[] products(Rows x, Rows y) {
        double[] products = new double[x.count() * y.count()];
        for (int i = 0; i < products.length; i++) {
            for (int c = 0; c < x.columns(); c++) {
                products[i] += (double) x.get(i / y.count(), c) * y.get(i % y.count(), c);
            }
        }
        return products;
    }

    private static double[] doubles(Rows rows) {
        double[] all = new double[rows.count() * rows.columns()];
        for (int i = 0; i < all.length; i++) {
            all[i] = rows.get(i / rows.columns(), i % rows.columns());
        }
        return all;
    }
}
