/** What the tests compare with: attention in plain double and float arithmetic, and inputs to try it on. */
package dev.kdeformer.reference;
