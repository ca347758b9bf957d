package dev.kdeformer.kde;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Engine;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GroupMomentsTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 16, 150})
    void theBoundsHoldAndCloseOnSmallGroups(int d) {
        Tensor tensor = KernelDensityTest.mixture(1200, d, d);
        Tensor queries = TestInputs.of(d).tensor(Shape.of(20, d), 2);
        double[] logs = new double[1200];
        for (int j = 0; j < logs.length; j++) {
            logs[j] = 2 * Math.sin(j);
        }
        for (Kernel kernel : new Kernel[] {Kernel.gaussian(0.2), Kernel.gaussian(1.3), Kernel.gaussian(40),
            Kernel.exponential(0.7), Kernel.exponential(-0.01)}) {
            try (Engine engine = Engine.create(1)) {
                Team team = Crews.begin(engine);
                Points unordered = Points.of(kernel, tensor.matrix(0, 0), logs);
                PointTree tree = PointTree.of(team, unordered);
                Points points = unordered.ordered(tree.order());
                GroupMoments moments = new GroupMoments(team, points, tree);
                check(tree, points, moments, queries);
                Crews.end(engine, team);
            }
        }
    }

    private static void check(PointTree tree, Points points, GroupMoments moments, Tensor queries) {
        float[] x = new float[points.stride()];
        double[] bounds = new double[2];
        int tight = 0;
        for (int i = 0; i < queries.shape().rows(); i++) {
            points.load(queries.matrix(0, 0), i, x, 0);
            for (int node = 0; node < tree.nodes(); node++) {
                LogSum truth = new LogSum();
                double[] exact = points.precise(queries.matrix(0, 0), i);
                for (int j = tree.from(node); j < tree.to(node); j++) {
                    truth.add(points.logWeight(j) + points.preciseLogKernel(exact, j));
                }
                moments.bound(node, x, new float[points.stride()], bounds);
                double rounding = 1e-5 + 1e-6 * Math.abs(truth.log());
                assertTrue(bounds[0] <= truth.log() + rounding && truth.log() <= bounds[1] + rounding,
                        () -> bounds[0] + " <= " + truth.log() + " <= " + bounds[1]);
                tight += bounds[1] - bounds[0] < 0.1 ? 1 : 0;
            }
        }
        if (points.kernel().isGaussian() && points.kernel().parameter() > 9) {
            assertTrue(tight > 0.9 * tree.nodes() * queries.shape().rows(), tight + " of " + tree.nodes());
        }
    }
}
