/* hypertree.h - layers of Merkle trees, each signing the root below: XMSS (one layer), XMSS^MT, SLH-DSA. */
#ifndef HBSS_TREES_HYPERTREE_H
#define HBSS_TREES_HYPERTREE_H
#include "tweak.h"

/* a layer's part of a signature: chain values || path, in bytes */
size_t hbss_hypertree_layer_len(const hbss_key *key);
/* one layer's part, from a path already known */
void hbss_hypertree_sign_leaf(uint8_t *part, const hbss_key *key, const hbss_adrs *leaf, const uint8_t *digest,
                              const uint8_t *path);
/* the root that a whole signature over a digest leads to, beginning at a leaf of a tree of layer 0 */
void hbss_hypertree_root(uint8_t *root, const hbss_key *key, uint64_t tree, uint32_t leaf, const uint8_t *digest,
                         const uint8_t *parts);
#endif
