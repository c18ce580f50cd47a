/* merkle.h - Merkle trees and forests, whatever their leaves are and however their nodes are hashed. */
#ifndef HBSS_TREES_MERKLE_H
#define HBSS_TREES_MERKLE_H
#include "tweak.h"

/* The nodes of some trees of one height, wherever each begins (`first`: its first leaf): the leaves, which are there
 * already, of one tree after another, then level by level, the roots last. One tree has (2^(height + 1) - 1) * n bytes. */
void hbss_merkle_levels(uint8_t *nodes, hbss_nodes *hash, const hbss_spot *first, size_t trees, uint32_t height);
/* Winternitz leaves number at .. at + count - 1 of such trees of one key */
void hbss_merkle_leaves(uint8_t *leaf, const hbss_spot *first, uint32_t height, size_t at, size_t count);
/* `count` neighbouring nodes of one level, from their children */
void hbss_merkle_parents(uint8_t *parents, hbss_nodes *hash, const hbss_spot *first, const uint8_t *children, size_t count);
/* where level `height` of a forest over `leaves` leaves begins, in nodes */
size_t hbss_merkle_level(size_t leaves, uint32_t height);
/* the authentication path of leaf `index` (counted from the forest's first): height * n bytes */
void hbss_merkle_path(uint8_t *path, const uint8_t *nodes, uint32_t n, size_t leaves, uint32_t height, uint32_t index);
/* `count` trees side by side: each leaf, or node, becomes the one that so much of its path leads to; n bytes each */
void hbss_merkle_climb(uint8_t *leaf_to_root, hbss_nodes *hash, const hbss_spot *leaf, const uint8_t *const *path,
                       uint32_t height, size_t count);
/* one leaf's: the nodes above it, which its node and its path lead to, up to this height; n bytes each, the topmost last */
void hbss_merkle_ancestors(uint8_t *nodes, hbss_nodes *hash, const hbss_spot *leaf, const uint8_t *node, const uint8_t *path,
                           uint32_t height);
#endif
