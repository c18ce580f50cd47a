/* slhdsa.h - what slhdsa.c, fors.c and tweak.c share. */
#ifndef HBSS_SLHDSA_SLHDSA_H
#define HBSS_SLHDSA_SLHDSA_H
#include "../scheme.h"

/* FIPS 205 section 4.2 */
typedef enum hbss_slhdsa_type { HBSS_SLHDSA_WOTS_HASH, HBSS_SLHDSA_WOTS_PK, HBSS_SLHDSA_TREE, HBSS_SLHDSA_FORS_TREE,
                                HBSS_SLHDSA_FORS_ROOTS, HBSS_SLHDSA_WOTS_PRF, HBSS_SLHDSA_FORS_PRF } hbss_slhdsa_type;
/* A key's prefixes: PK.seed under the hash of F and PRF, and under that of H and T. */
enum { HBSS_SLHDSA_AT_F, HBSS_SLHDSA_AT_H };

extern const hbss_tweak hbss_slhdsa_tweak, hbss_slhdsa_fors_tweak;

/* an address's bytes, compressed for SHA-2 (section 11.2): returns how many. The last is the counter of a chain. */
uint32_t hbss_slhdsa_address(uint8_t *h, const hbss_key *key, const hbss_adrs *at, hbss_slhdsa_type type,
                             uint32_t w1, uint32_t w2, uint32_t w3);

static inline uint32_t hbss_slhdsa_address_len(const hbss_key *key)
{
  return key->set->function == HBSS_SHA256 ? 22 : 32;
}

/* The k secret leaves and paths that sign md under a leaf, the parts of one group of trees at a time; and the key that
 * all of them lead to. */
uint32_t hbss_slhdsa_fors_groups(const hbss_key *key);
size_t hbss_slhdsa_fors_scratch_len(const hbss_key *key);
void hbss_slhdsa_fors_sign(uint8_t *signature, const hbss_key *key, uint64_t tree, uint32_t leaf, const uint8_t *md,
                           uint32_t group, uint8_t *scratch);
void hbss_slhdsa_fors_root(uint8_t *root, const hbss_key *key, uint64_t tree, uint32_t leaf, const uint8_t *md,
                           const uint8_t *signature);
#endif
