/* hypertree.c - layers of Merkle trees (RFC 8391 section 4, FIPS 205 sections 6 and 7). XMSS is a tower of one floor.
 * Called by the schemes. Everything here but the key's seeds is public. */
#include "hypertree.h"
#include <string.h>
#include "merkle.h"
#include "winternitz.h"

static size_t values_len(const hbss_key *key) { return (size_t)(key->len1 + key->len2) * key->n; }

size_t hbss_hypertree_layer_len(const hbss_key *key) { return values_len(key) + (size_t)key->height * key->n; }

/* FIPS 205 algorithm 10, RFC 8391 algorithm 11 (treeSig) */
void hbss_hypertree_sign_leaf(uint8_t *part, const hbss_key *key, const hbss_adrs *leaf, const uint8_t *digest,
                              const uint8_t *path)
{
  hbss_winternitz_sign(part, key, leaf, digest);
  memcpy(part + values_len(key), path, (size_t)key->height * key->n);
}

/* FIPS 205 algorithm 13 with 11; RFC 8391 algorithms 13 and 17 */
void hbss_hypertree_root(uint8_t *root, const hbss_key *key, uint64_t tree, uint32_t leaf, const uint8_t *digest,
                         const uint8_t *parts)
{
  uint8_t node[HBSS_MAX_N];
  const size_t part_len = hbss_hypertree_layer_len(key), values = values_len(key);
  memcpy(root, digest, key->n);
  for (uint32_t layer = 0; layer < key->set->d; layer++, parts += part_len) {
    const hbss_adrs at = {.layer = layer, .tree = tree, .index = leaf};
    hbss_winternitz_leaf(node, key, &at, root, parts);
    hbss_merkle_climb(root, key, &at, node, parts + values);
    leaf = (uint32_t)(tree & ((1u << key->height) - 1));
    tree >>= key->height;
  }
}
