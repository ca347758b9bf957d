package dev.kdeformer.train;

import java.util.Map;

/** A transformer's loss in double precision, by plain loops written from the formulas. */
final class PlainTransformer {
    private final ModelShape shape;
    private final Map<String, double[]> weights;

    PlainTransformer(ModelShape shape, Map<String, double[]> weights) {
        this.shape = shape;
        this.weights = weights;
    }

    /** The mean loss of all targets. */
    double loss(Batch batch) {
        double sum = 0;
        int asked = 0;
        for (int s = 0; s < batch.sequences(); s++) {
            double[][] x = rows(batch, s);
            if (!shape.isDecoder()) {
                sum += classLoss(x, batch, s);
                asked++;
                continue;
            }
            for (int r = 0; r < batch.length(); r++) {
                int target = batch.targets()[s * batch.length() + r];
                if (target >= 0) {
                    double[] logits = new double[shape.vocabulary()];
                    for (int t = 0; t < logits.length; t++) {
                        for (int c = 0; c < shape.width(); c++) {
                            logits[t] += x[r][c] * weights.get("embedding")[t * shape.width() + c];
                        }
                    }
                    sum += surprise(logits, target);
                    asked++;
                }
            }
        }
        return sum / asked;
    }

    private double classLoss(double[][] x, Batch batch, int s) {
        double[] pooled = new double[shape.width()];
        for (int r = 0; r < batch.valid(s); r++) {
            for (int c = 0; c < pooled.length; c++) {
                pooled[c] += x[r][c] / batch.valid(s);
            }
        }
        return surprise(product(pooled, "classifier", shape.classes()), batch.targets()[s]);
    }

    private static double surprise(double[] logits, int target) {
        double sum = 0;
        for (double logit : logits) {
            sum += Math.exp(logit);
        }
        return Math.log(sum) - logits[target];
    }

    private double[][] rows(Batch batch, int s) {
        int n = batch.length();
        double[][] x = new double[n][shape.width()];
        for (int r = 0; r < n; r++) {
            for (int c = 0; c < shape.width(); c++) {
                x[r][c] = weights.get("embedding")[batch.tokens()[s * n + r] * shape.width() + c];
            }
        }
        for (int layer = 0; layer < shape.layers(); layer++) {
            String name = "layers." + layer + ".";
            double[][] attended = attention(x, name + "attention.", batch.valid(s));
            for (int r = 0; r < n; r++) {
                add(x[r], product(attended[r], name + "attention.output", shape.width()));
                double[] gateUp = product(norm(x[r], name + "mlp.norm"), name + "mlp.gate-up", 2 * shape.hidden());
                double[] h = new double[shape.hidden()];
                for (int c = 0; c < h.length; c++) {
                    h[c] = gateUp[c] / (1 + Math.exp(-gateUp[c])) * gateUp[h.length + c];
                }
                add(x[r], product(h, name + "mlp.down", shape.width()));
            }
        }
        for (int r = 0; r < n; r++) {
            x[r] = norm(x[r], "norm");
        }
        return x;
    }

    private double[][] attention(double[][] x, String name, int valid) {
        int n = x.length;
        int d = shape.headFeatures();
        double[][] q = new double[n][];
        double[][] k = new double[n][];
        double[][] v = new double[n][];
        for (int r = 0; r < n; r++) {
            double[] normed = norm(x[r], name + "norm");
            q[r] = turned(product(normed, name + "query", shape.queryColumns()), r);
            k[r] = turned(product(normed, name + "key", shape.keyColumns()), r);
            v[r] = product(normed, name + "value", shape.keyColumns());
        }
        double[][] out = new double[n][shape.queryColumns()];
        for (int head = 0; head < shape.heads(); head++) {
            int own = head * d;
            int shared = head / (shape.heads() / shape.kvHeads()) * d;
            for (int r = 0; r < n; r++) {
                int end = shape.isDecoder() ? r + 1 : valid;
                double[] p = new double[end];
                double sum = 0;
                for (int j = 0; j < end; j++) {
                    double logit = 0;
                    for (int c = 0; c < d; c++) {
                        logit += q[r][own + c] * k[j][shared + c];
                    }
                    p[j] = Math.exp(logit / Math.sqrt(d));
                    sum += p[j];
                }
                for (int j = 0; j < end; j++) {
                    for (int c = 0; c < d; c++) {
                        out[r][own + c] += p[j] / sum * v[j][shared + c];
                    }
                }
            }
        }
        return out;
    }

    private double[] turned(double[] heads, int position) {
        int d = shape.headFeatures();
        double[] turned = new double[heads.length];
        for (int i = 0; i < heads.length; i++) {
            int c = i % d % (d / 2);
            double angle = position * Math.pow(shape.rotaryBase(), -2.0 * c / d);
            int low = i - i % d + c;
            double a = heads[low];
            double b = heads[low + d / 2];
            turned[i] = i == low ? a * Math.cos(angle) - b * Math.sin(angle) : a * Math.sin(angle)
                    + b * Math.cos(angle);
        }
        return turned;
    }

    private double[] norm(double[] x, String gain) {
        double square = 0;
        for (double value : x) {
            square += value * value;
        }
        double[] y = new double[x.length];
        for (int c = 0; c < x.length; c++) {
            y[c] = x[c] / Math.sqrt(square / x.length + 1e-5) * weights.get(gain)[c];
        }
        return y;
    }

    private double[] product(double[] x, String weight, int columns) {
        double[] w = weights.get(weight);
        double[] y = new double[columns];
        for (int i = 0; i < x.length; i++) {
            for (int c = 0; c < columns; c++) {
                y[c] += x[i] * w[i * columns + c];
            }
        }
        return y;
    }

    private static void add(double[] x, double[] y) {
        for (int c = 0; c < x.length; c++) {
            x[c] += y[c];
        }
    }
}
