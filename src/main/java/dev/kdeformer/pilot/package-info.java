/**
 * Pilot attention: the method of this project for long sequences.
 *
 * <p>Queries are cut into tiles of similar ones by a balanced tree. One pilot row, the logits of a tile's centroid,
 * measures how much every key matters to the tile; the keys whose weight moves most over the tile are evaluated
 * exactly, all others are folded into groups that stand in for them by an expansion about the centroid. Going down the
 * tree, each node passes only the keys that still matter to its children, which makes the cost nearly linear.
 *
 * <p>Within an error budget the effort is searched for, and the queries that a pass doubts most are computed exactly.
 * On request, keys sampled for every tile take the bias out of the expansion.
 *
 * <h2>The rooms</h2>
 * Only this package is exported. The arrows say who knows whom; rooms side by side do not know each other.
 * <pre>
 *              pilot            the methods: what is asked for, and which of the rooms below does it
 *          ┌─────┼────────┐
 *      gradient  │        │     gradients of a pass, with its choices held fixed
 *          │     │        │
 *          └── walk    causal   a pass down the tree of queries; a pass over spans of consecutive queries
 *              │   │  │   │
 *            cells │  │   │     a pass over cells of keys as fine as they need to be, which a search falls back on
 *              │   │  │   │
 *              │  tile    │     what one node or tile does: choose keys, fold the others, attend
 *              │    │     │
 *            search └─ keys     the climb to a budget; rows, metric, trees, groups and lists of keys
 * </pre>
 * Beside walk and causal stands {@code repeats}: exact attention of heads that have few distinct rows.
 *
 * <h2>Words</h2>
 * <pre>
 *                all queries of a head
 *               ┌─────────┴─────────┐        a node: similar queries about a centroid x. Its pilot row are
 *             node                 node      the logits x·k of the keys on its list, the spread is the
 *        ┌──────┴──────┐      ┌──────┴────┐  variance of a key's logit over its queries
 *      leaf           leaf   …           …
 *
 *      keys on the list of a node, by score (pilot row and spread):
 *
 *      ├── near ──┼──────── passed down ────────┼────────────── folded ───────────────┤
 *      evaluated    candidates of the children,   into the groups of the far field:
 *      exactly,     who measure them anew         mass, mean key, variances, mean value;
 *      by a leaf                                  the tilt says how values move with the query
 * </pre>
 * <dl>
 * <dt>pilot row</dt><dd>The logits of a node's centroid to all keys on its list: exact, and shared by all of its
 *     queries.</dd>
 * <dt>tile</dt><dd>The queries of a leaf, who share near keys and a far field.</dd>
 * <dt>span</dt><dd>Under a causal mask, consecutive queries that share the keys before them.</dd>
 * <dt>spread</dt><dd>The variance of a key's logit over the queries of a node, measured along a few directions. With
 *     the pilot row it says what error folding the key would cost: its score.</dd>
 * <dt>near</dt><dd>Keys that a tile evaluates exactly, those of the highest scores.</dd>
 * <dt>far field</dt><dd>What stands for all keys that a node and its ancestors have folded: for each group a pseudo-key
 *     that a query δ away from the centroid meets with the logit a + δ·κ + ½ Σ δ²c, from log-mass a, mean key κ and
 *     variances c; where ½ Σ δ²c is large it is damped.</dd>
 * <dt>fold</dt><dd>To add a key to the group it belongs to, with the weight that the pilot row gives it.</dd>
 * <dt>tilt</dt><dd>One matrix that moves the mean values of all groups with the query, learnt from a few drawn
 *     keys.</dd>
 * <dt>doubt</dt><dd>How much of a query's weight is far, times how far it is from its centroid: what says which rows
 *     are worth computing exactly.</dd>
 * <dt>straggler</dt><dd>A query so far from the middle of its tile that no expansion about it fits; computed
 *     exactly.</dd>
 * <dt>cell</dt><dd>Some dozen similar keys, a leaf of the tree of keys. A part is a node of that tree, a cell or many,
 *     that a tile meets as one pseudo-key.</dd>
 * <dt>rung</dt><dd>An effort on the ladder that the search for a budget climbs: how many keys are passed down, and at
 *     which score keys are near.</dd>
 * <dt>evaluation</dt><dd>One query times one key, logit and weighted value: the unit of all counts, 2 (d + d_v)
 *     operations. Options and reports call them columns.</dd>
 * </dl>
 */
package dev.kdeformer.pilot;
