/* merkle.c - Merkle trees and forests, level by level (RFC 8391 algorithms 9, 13; RFC 8554 sections 5.3, 5.4; FIPS 205
 * algorithms 9-11, 15-17). Called by hypertree.c, fors.c, lms.c and the door. Nodes are public. */
#include "merkle.h"
#include <string.h>
#include "winternitz.h"

void hbss_merkle_forest(uint8_t *nodes, const hbss_key *key, const hbss_adrs *first, size_t leaves, uint32_t height)
{
  hbss_winternitz_leaves(nodes, key, first, leaves);
  hbss_merkle_levels(nodes, key, first, leaves, height);
}

void hbss_merkle_levels(uint8_t *nodes, const hbss_key *key, const hbss_adrs *first, size_t leaves, uint32_t height)
{
  hbss_adrs at = *first;
  for (uint32_t up = 1; up <= height; up++) {
    const size_t below = leaves >> (up - 1);
    uint8_t *parents = nodes + below * key->n;
    at.height = up;
    at.index = first->index >> up;
    key->tweak->nodes(parents, key, &at, nodes, below / 2);
    nodes = parents;
  }
}

size_t hbss_merkle_level(size_t leaves, uint32_t height) { return 2 * leaves - (2 * leaves >> height); }

void hbss_merkle_path(uint8_t *path, const uint8_t *nodes, uint32_t n, size_t leaves, uint32_t height, uint32_t index)
{
  for (uint32_t up = 0; up < height; up++)
    memcpy(path + up * n, nodes + (hbss_merkle_level(leaves, up) + ((index >> up) ^ 1)) * n, n);
}

void hbss_merkle_climb(uint8_t *root, const hbss_key *key, const hbss_adrs *at, const uint8_t *node, const uint8_t *path)
{
  uint8_t pair[2 * HBSS_MAX_N], x[HBSS_MAX_N];
  const uint32_t n = key->n;
  hbss_adrs parent = *at;
  memcpy(x, node, n);
  for (uint32_t up = 0; up < key->height; up++) {
    const uint32_t right = at->index >> up & 1;
    memcpy(pair + right * n, x, n);
    memcpy(pair + (1 - right) * n, path + up * n, n);
    parent.height = up + 1;
    parent.index = at->index >> (up + 1);
    key->tweak->nodes(x, key, &parent, pair, 1);
  }
  memcpy(root, x, n);
}
