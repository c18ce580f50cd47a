/* slhdsa.h - what slhdsa.c, fors.c and tweak.c share. */
#ifndef HBSS_SLHDSA_SLHDSA_H
#define HBSS_SLHDSA_SLHDSA_H
#include "../../base/bytes.h"
#include "../scheme.h"

/* FIPS 205 section 4.2 */
typedef enum hbss_slhdsa_type { HBSS_SLHDSA_WOTS_HASH, HBSS_SLHDSA_WOTS_PK, HBSS_SLHDSA_TREE, HBSS_SLHDSA_FORS_TREE,
                                HBSS_SLHDSA_FORS_ROOTS, HBSS_SLHDSA_WOTS_PRF, HBSS_SLHDSA_FORS_PRF } hbss_slhdsa_type;
/* A key's prefixes: PK.seed under the hash of F and PRF, and under that of H and T. */
enum { HBSS_SLHDSA_AT_F, HBSS_SLHDSA_AT_H };

extern const hbss_tweak hbss_slhdsa_tweak;

/* How many bytes before an address ends its type's last byte lies, and the first of its second word, in either form. */
enum { HBSS_SLHDSA_TYPE_AT = 13, HBSS_SLHDSA_WORD2_AT = 8 };
/* An address's bytes, compressed for SHA-2 (section 11.2); the last is the counter of a chain. */
static inline uint32_t hbss_slhdsa_address_len(const hbss_key *key)
{
  return key->set->function == HBSS_SHA256 ? 22 : 32;
}
static inline void hbss_slhdsa_address(uint8_t *h, const hbss_key *key, const hbss_adrs *at, hbss_slhdsa_type type,
                                       uint32_t w1, uint32_t w2, uint32_t w3)
{
  uint8_t *words = h;
  if (key->set->function == HBSS_SHA256) { /* section 11.2: layer 1 byte, tree 8, type 1 */
    h[0] = (uint8_t)at->layer;
    hbss_put64(h + 1, at->tree);
    h[9] = (uint8_t)type;
    words += 10;
  } else { /* section 4.2: layer 4 bytes, tree 12, type 4 */
    hbss_put32(h, at->layer);
    hbss_put32(h + 4, 0);
    hbss_put64(h + 8, at->tree);
    hbss_put32(h + 16, type);
    words += 20;
  }
  hbss_put32(words, w1);
  hbss_put32(words + 4, w2);
  hbss_put32(words + 8, w3);
}

/* Chains that begin with SK.seed, hashed under another type of address than the rest. */
static inline void hbss_slhdsa_begin(hbss_items *items, const hbss_key *key, int turn)
{
  items->seed = key->secret;
  items->turn_at = items->header_len - HBSS_SLHDSA_TYPE_AT;
  items->turn_by = turn;
}

/* A FORS signature: of md, under a leaf of a tree of layer 0. */
typedef struct hbss_slhdsa_few { const hbss_key *key; const uint8_t *md, *signature; uint64_t tree; uint32_t leaf; } hbss_slhdsa_few;

/* The k secret leaves and paths that sign, the parts of one group of trees at a time. */
uint32_t hbss_slhdsa_fors_groups(const hbss_key *key);
size_t hbss_slhdsa_fors_scratch_len(const hbss_key *key);
void hbss_slhdsa_fors_sign(uint8_t *signature, const hbss_slhdsa_few *few, uint32_t group, uint8_t *scratch);
/* the keys that signatures by keys of one set lead to: n bytes each; the room holds count * k * n bytes */
void hbss_slhdsa_fors_keys(uint8_t *out, const hbss_slhdsa_few *few, size_t count, uint8_t *room);
#endif
