package dev.kdeformer.cli.peers;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.method.Call;
import dev.kdeformer.reference.PlainFloatAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Tensor;

/** Peers that need no library, each with its own behaviour. */
public final class FakePeers {
    private FakePeers() {
    }

    /** Computes attention in plain float32, times a factor. */
    private abstract static class Plain implements Peer {
        private final String name;
        private final float factor;
        private final boolean fused;

        Plain(String name, float factor, boolean fused) {
            this.name = name;
            this.factor = factor;
            this.fused = fused;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public String version() {
            return "1.2.3";
        }

        @Override
        public Call prepare(AttentionInput input, int threads) {
            Tensor result = TestInputs.of(0).zeros(input.outputShape());
            return new Call() {
                @Override
                public boolean fused() {
                    return fused;
                }

                @Override
                public void run() {
                    PlainFloatAttention.apply(input, result, null);
                }

                @Override
                public void copyOutput(Tensor output) {
                    for (int b = 0; b < input.batch(); b++) {
                        for (int h = 0; h < input.heads(); h++) {
                            for (int i = 0; i < input.queries(); i++) {
                                for (int c = 0; c < input.dv(); c++) {
                                    output.matrix(b, h).set(i, c, factor * result.matrix(b, h).get(i, c));
                                }
                            }
                        }
                    }
                }

                @Override
                public void close() {
                }
            };
        }
    }

    /** Right and fused. */
    public static final class Right extends Plain {
        public Right() {
            super("right", 1, true);
        }
    }

    /** Right, unfused, and slowed down by a setting. */
    public static final class Slowed extends Plain {
        public Slowed() {
            super("slowed", 1, false);
        }

        @Override
        public String caution() {
            return "a brake is on";
        }
    }

    /** Off by half a per cent. */
    public static final class Wrong extends Plain {
        public Wrong() {
            super("wrong", 1.005f, true);
        }
    }

    /** Computes NaN. */
    public static final class NotANumber extends Plain {
        public NotANumber() {
            super("nan", Float.NaN, true);
        }
    }

    /** Computes nothing. */
    public static final class Refusing extends Plain {
        public Refusing() {
            super("refusing", 1, true);
        }

        @Override
        public Call prepare(AttentionInput input, int threads) {
            throw new UnsupportedOperationException("it does not feel like it");
        }
    }

    /** Its library is missing. */
    public static final class Unloadable extends Plain {
        public Unloadable() {
            super("unloadable", 1, true);
        }

        @Override
        public Call prepare(AttentionInput input, int threads) {
            throw new UnsatisfiedLinkError("no such library");
        }
    }
}
