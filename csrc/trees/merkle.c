/* merkle.c - Merkle trees and forests, level by level (RFC 8391 algorithms 9, 13; RFC 8554 sections 5.3, 5.4; FIPS 205
 * algorithms 9-11, 15-17). Called by hypertree.c, fors.c and the door. Nodes are public. */
#include "merkle.h"
#include <string.h>
#include "../base/bytes.h"
#include "winternitz.h"

/* nodes that are described together: full turns of every kernel's lanes, and of a level's nodes several */
enum { SPOTS = 64, LEVEL = 256, CLIMBING = 128, PAIRS = 8192 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* nodes at .. at + count - 1 of the level `up` above the first spots, 2^width of it in each tree */
static void spots_of(hbss_spot *spot, const hbss_spot *first, uint32_t up, uint32_t width, size_t at, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    const size_t tree = (at + i) >> width, within = (at + i) - (tree << width);
    spot[i] = first[tree];
    spot[i].at.height += up;
    spot[i].at.index = (spot[i].at.index >> up) + (uint32_t)within;
  }
}

static void hash_level(uint8_t *parents, hbss_nodes *hash, const hbss_spot *first, uint32_t up, uint32_t width,
                       const uint8_t *children, size_t count)
{
  const uint32_t n = first->key->n;
  hbss_spot spot[LEVEL];
  for (size_t at = 0; at < count; at += LEVEL) {
    const size_t here = least(count - at, LEVEL);
    spots_of(spot, first, up, width, at, here);
    hash(parents + at * n, spot, children + 2 * at * n, here);
  }
}

void hbss_merkle_parents(uint8_t *parents, hbss_nodes *hash, const hbss_spot *first, const uint8_t *children, size_t count)
{
  hash_level(parents, hash, first, 0, 31, children, count); /* no tree is as wide: a size_t may have 32 bits */
}

void hbss_merkle_levels(uint8_t *nodes, hbss_nodes *hash, const hbss_spot *first, size_t trees, uint32_t height)
{
  for (uint32_t up = 1; up <= height; up++) {
    const size_t count = trees << (height - up);
    uint8_t *parents = nodes + 2 * count * first->key->n;
    hash_level(parents, hash, first, up, height - up, nodes, count);
    nodes = parents;
  }
}

void hbss_merkle_leaves(uint8_t *leaf, const hbss_spot *first, uint32_t height, size_t at, size_t count)
{
  hbss_spot spot[SPOTS];
  for (size_t done = 0; done < count; done += SPOTS) {
    const size_t here = least(count - done, SPOTS);
    spots_of(spot, first, 0, height, at + done, here);
    hbss_winternitz_leaves(leaf + done * first->key->n, spot, here);
  }
}

size_t hbss_merkle_level(size_t leaves, uint32_t height) { return 2 * leaves - (2 * leaves >> height); }

void hbss_merkle_path(uint8_t *path, const uint8_t *nodes, uint32_t n, size_t leaves, uint32_t height, uint32_t index)
{
  for (uint32_t up = 0; up < height; up++)
    memcpy(path + up * n, nodes + (hbss_merkle_level(leaves, up) + ((index >> up) ^ 1)) * n, n);
}

/* some trees, a level of all of them at a time */
static void climb_some(uint8_t *x, hbss_nodes *hash, const hbss_spot *leaf, const uint8_t *const *path, uint32_t height,
                       size_t count)
{
  const uint32_t n = leaf->key->n;
  uint8_t pairs[PAIRS];
  hbss_spot parent[CLIMBING];
  memcpy(parent, leaf, count * sizeof *leaf);
  for (uint32_t up = 0; up < height; up++) {
    for (size_t i = 0; i < count; i++) {
      const uint32_t right = leaf[i].at.index >> up & 1;
      hbss_copy(pairs + (2 * i + right) * n, x + i * n, n);
      hbss_copy(pairs + (2 * i + 1 - right) * n, path[i] + up * n, n);
      parent[i].at.height = leaf[i].at.height + up + 1;
      parent[i].at.index = leaf[i].at.index >> (up + 1);
    }
    hash(x, parent, pairs, count);
  }
}

void hbss_merkle_climb(uint8_t *leaf_to_root, hbss_nodes *hash, const hbss_spot *leaf, const uint8_t *const *path,
                       uint32_t height, size_t count)
{
  const uint32_t n = leaf->key->n;
  const size_t fit = least(CLIMBING, PAIRS / (2 * n));
  for (size_t at = 0; at < count; at += fit)
    climb_some(leaf_to_root + at * n, hash, leaf + at, path + at, height, least(count - at, fit));
}

void hbss_merkle_ancestors(uint8_t *nodes, hbss_nodes *hash, const hbss_spot *leaf, const uint8_t *node, const uint8_t *path,
                           uint32_t height)
{
  const uint32_t n = leaf->key->n;
  hbss_spot at = *leaf;
  for (uint32_t up = 0; up < height; up++, node = nodes, nodes += n, path += n) {
    at.at.height = up;
    at.at.index = leaf->at.index >> up;
    memcpy(nodes, node, n);
    hbss_merkle_climb(nodes, hash, &at, &path, 1, 1);
  }
}
