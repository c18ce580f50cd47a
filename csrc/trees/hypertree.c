/* hypertree.c - layers of Merkle trees (RFC 8391 section 4, FIPS 205 sections 6 and 7). XMSS is a tower of one floor.
 * Called by the schemes. Everything here but the key's seeds is public. */
#include "hypertree.h"
#include <string.h>
#include "merkle.h"
#include "winternitz.h"

enum { ABREAST = 64 }; /* signatures that go up together, at most */

static size_t values_len(const hbss_key *key) { return (size_t)(key->len1 + key->len2) * key->n; }

size_t hbss_hypertree_layer_len(const hbss_key *key) { return values_len(key) + (size_t)key->height * key->n; }

/* FIPS 205 algorithm 10, RFC 8391 algorithm 11 (treeSig) */
void hbss_hypertree_sign_leaf(uint8_t *part, const hbss_key *key, const hbss_adrs *leaf, const uint8_t *digest,
                              const uint8_t *path)
{
  const hbss_spot spot = {key, *leaf};
  hbss_winternitz_sign(part, 0, &spot, digest, 1);
  memmove(part + values_len(key), path, (size_t)key->height * key->n); /* it may be there already */
}

/* one layer of all: FIPS 205 algorithm 11, RFC 8391 algorithm 13, RFC 8554 algorithm 6a */
static void ascend_layer(hbss_ascent *s, size_t count, uint32_t layer, uint8_t *room)
{
  const hbss_key *key = s->key;
  const uint32_t n = key->n;
  hbss_spot at[ABREAST];
  const uint8_t *digest[ABREAST], *values[ABREAST], *path[ABREAST];
  uint8_t node[ABREAST * HBSS_MAX_N];
  if (!count) return;
  for (size_t i = 0; i < count; i++) {
    at[i] = (hbss_spot){s[i].key, {.layer = layer, .tree = s[i].tree, .index = s[i].leaf}};
    digest[i] = s[i].node;
    values[i] = s[i].parts;
    path[i] = s[i].parts + values_len(key) + s[i].gap;
  }
  hbss_winternitz_verify(node, at, digest, values, count, room);
  hbss_merkle_climb(node, key->tweak->nodes, at, path, key->height, count);
  for (size_t i = 0; i < count; i++) {
    memcpy(s[i].node, node + i * n, n);
    s[i].leaf = (uint32_t)(s[i].tree & ((1u << key->height) - 1));
    s[i].tree >>= key->height;
    s[i].parts += hbss_hypertree_layer_len(key);
  }
}

/* FIPS 205 algorithm 13; RFC 8391 algorithms 13 and 17 */
void hbss_hypertree_ascend(hbss_ascent *signature, size_t count, uint8_t *room, size_t room_len)
{
  const size_t room_for = hbss_winternitz_fit(signature->key, room_len), fit = room_for < ABREAST ? room_for : ABREAST;
  size_t turns = (count + fit - 1) / fit; /* of about one size */
  for (; turns; turns--) {
    const size_t here = count / turns;
    for (uint32_t layer = 0; layer < signature->key->set->d; layer++) ascend_layer(signature, here, layer, room);
    signature += here;
    count -= here;
  }
}
