package dev.kdeformer.kde;

import dev.kdeformer.runtime.Team;

/**
 * Balls round the groups of points at all nodes of a {@link PointTree}: no kernel that falls with the distance is more
 * at a query than at the ball's near side, and none less than at its far side.
 */
final class GroupBalls implements GroupBounds {
    /** What float32 may have taken from a distance, relative to the distances it was found from. */
    private static final double SLACK = 1e-6;

    private final Points points;
    private final int stride;
    private final float[] centres;
    private final double[] radii;
    private final double[] logMass;

    /**
     * Finds the balls.
     *
     * @param points in the order of the tree
     */
    GroupBalls(Team team, Points points, PointTree tree) {
        this.points = points;
        this.stride = points.stride();
        int nodes = tree.nodes();
        if ((long) nodes * stride > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException("points must have fewer than 2^31 elements in the nodes of a tree, got "
                    + nodes + " x " + stride);
        }
        centres = new float[nodes * stride];
        radii = new double[nodes];
        logMass = new double[nodes];
        team.forEach(nodes, (node, scratch) -> take(node, tree.from(node), tree.to(node)));
    }

    private void take(int node, int from, int to) {
        LogSum mass = new LogSum();
        double[] mean = new double[stride];
        for (int j = from; j < to; j++) {
            mass.add(points.logWeight(j));
            for (int c = 0; c < stride; c++) {
                mean[c] += points.rows()[j * stride + c];
            }
        }
        logMass[node] = mass.log();
        float[] centre = new float[stride];
        for (int c = 0; c < stride; c++) {
            centre[c] = (float) (mean[c] / (to - from));
        }
        System.arraycopy(centre, 0, centres, node * stride, stride);
        double largest = 0;
        for (int j = from; j < to; j++) {
            largest = Math.max(largest, Points.squaredDistance(centre, points.rows(), j * stride, stride));
        }
        radii[node] = Math.sqrt(points.factor() * largest);
    }

    @Override
    public void bound(int node, float[] x, float[] room, double[] bounds) {
        double distance = Math.sqrt(points.factor() * Points.squaredDistance(x, centres, node * stride, stride));
        double slack = SLACK * (distance + radii[node]);
        bounds[0] = logMass[node] + points.kernel().logAt(distance + radii[node] + slack);
        bounds[1] = logMass[node] + points.kernel().logAt(Math.max(0, distance - radii[node] - slack));
    }
}
