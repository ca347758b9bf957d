/**
 * Embeddings of long texts for langchain4j, whose core library has to be there, as have ONNX Runtime's and DJL's
 * tokenizers. For the class path: the package is not exported to modules.
 */
package dev.kdeformer.langchain4j;
