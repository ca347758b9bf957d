package dev.kdeformer.langchain4j;

/** How the vectors of a text's tokens become one. */
public enum Pooling {
    /** Their mean. */
    MEAN,
    /** The first one, that of the token CLS. */
    CLS
}
