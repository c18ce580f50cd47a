/* hypertree.h - layers of Merkle trees, each signing the root below: XMSS (one layer), XMSS^MT, SLH-DSA. An LMS tree is one
 * layer, too. */
#ifndef HBSS_TREES_HYPERTREE_H
#define HBSS_TREES_HYPERTREE_H
#include "tweak.h"

/* a layer's part of a signature: chain values || path, in bytes */
size_t hbss_hypertree_layer_len(const hbss_key *key);
/* one layer's part, from a path already known */
void hbss_hypertree_sign_leaf(uint8_t *part, const hbss_key *key, const hbss_adrs *leaf, const uint8_t *digest,
                              const uint8_t *path);

/* A signature on its way up. */
typedef struct hbss_ascent {
  const hbss_key *key;
  uint64_t tree;           /* where it begins: a leaf of a tree of layer 0 */
  uint32_t leaf, gap;      /* gap: bytes between a part's values and its path; LMS has its type there */
  const uint8_t *parts;    /* a part for each layer */
  uint8_t node[HBSS_MAX_N]; /* what the lowest layer signs; in the end the root that the signature leads to */
  size_t number;           /* the caller's */
} hbss_ascent;

/* Walk `count` signatures by keys of one set up to their roots, side by side, as many together as the room holds; it is
 * aligned to 64, and HBSS_WINTERNITZ_ROOM bytes are enough. */
void hbss_hypertree_ascend(hbss_ascent *signature, size_t count, uint8_t *room, size_t room_len);
#endif
