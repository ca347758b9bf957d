/** What all attention methods share: argument checks, the frame of a call, and the view of one key head. */
package dev.kdeformer.method;
