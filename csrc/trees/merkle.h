/* merkle.h - Merkle trees and forests, whatever their leaves are. */
#ifndef HBSS_TREES_MERKLE_H
#define HBSS_TREES_MERKLE_H
#include "tweak.h"

/* All nodes of neighbouring trees of one height over `leaves` leaves from `first` on, level by level, leaves first, the
 * roots last. One tree of height a has (2^(a + 1) - 1) * n bytes. */
void hbss_merkle_forest(uint8_t *nodes, const hbss_key *key, const hbss_adrs *first, size_t leaves, uint32_t height);
/* the same from leaves that are there already */
void hbss_merkle_levels(uint8_t *nodes, const hbss_key *key, const hbss_adrs *first, size_t leaves, uint32_t height);
/* where level `height` of a forest over `leaves` leaves begins, in nodes */
size_t hbss_merkle_level(size_t leaves, uint32_t height);
/* the authentication path of leaf `index` (counted from the forest's first): height * n bytes */
void hbss_merkle_path(uint8_t *path, const uint8_t *nodes, uint32_t n, size_t leaves, uint32_t height, uint32_t index);
/* the root of the tree that has `node` at the leaf `at`, by its path */
void hbss_merkle_climb(uint8_t *root, const hbss_key *key, const hbss_adrs *at, const uint8_t *node, const uint8_t *path);
#endif
