/* winternitz.c - Winternitz one-time signatures, for any standard: digits, leaves, signatures (RFC 8391 section 3,
 * RFC 8554 section 4, FIPS 205 section 5). Called by merkle.c, hypertree.c and the schemes. First values and chain values
 * below a signature's are secret; digits are public, being read off a signature. */
#include "winternitz.h"
#include <string.h>
#include "../base/secret.h"

enum {
  BUDGET = 29696, /* bytes of chain values at a time: enough items to fill the lanes, and most of the stack we use */
  MOST = 64,      /* leaves at a time */
};

static inline uint32_t chains_of(const hbss_key *key) { return key->len1 + key->len2; }

static void digits_of(uint8_t *digits, uint32_t count, uint32_t lg_w, const uint8_t *bytes)
{
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t bit = i * lg_w;
    digits[i] = (uint8_t)(bytes[bit / 8] >> (8 - lg_w - bit % 8) & ((1u << lg_w) - 1));
  }
}

/* FIPS 205 algorithm 7, lines 1-7; RFC 8391 algorithm 5; RFC 8554 section 4.4 */
void hbss_winternitz_digits(uint8_t *digits, const hbss_key *key, const uint8_t *digest)
{
  const uint32_t top = (1u << key->lg_w) - 1, bits = key->len2 * key->lg_w, bytes = (bits + 7) / 8;
  uint32_t sum = 0;
  uint8_t checksum[4];
  digits_of(digits, key->len1, key->lg_w, digest);
  for (uint32_t i = 0; i < key->len1; i++) sum += top - digits[i];
  sum <<= 8 * bytes - bits; /* the checksum's digits begin at its first bit */
  for (uint32_t i = 0; i < bytes; i++) checksum[i] = (uint8_t)(sum >> 8 * (bytes - 1 - i));
  digits_of(digits + key->len1, key->len2, key->lg_w, checksum);
}

/* FIPS 205 algorithm 6; RFC 8391 algorithms 4 and 8; RFC 8554 section 4.3 with the leaf hash of section 5.3 */
void hbss_winternitz_leaves(uint8_t *leaf, const hbss_key *key, const hbss_adrs *first, size_t count)
{
  uint8_t x[BUDGET] __attribute__((aligned(64)));
  hbss_spot spot[MOST];
  const uint8_t top = (uint8_t)((1u << key->lg_w) - 1);
  const size_t one = (size_t)chains_of(key) * key->n, fit = BUDGET / one < MOST ? BUDGET / one : MOST;
  const size_t turns = (count + fit - 1) / fit; /* all turns of about one size: a last one of few leaves would be slow */
  for (size_t turn = 0, at = 0; turn < turns; turn++) {
    const size_t here = (count - at) / (turns - turn);
    for (size_t i = 0; i < here; i++) {
      spot[i] = (hbss_spot){key, *first};
      spot[i].at.index += (uint32_t)(at + i);
    }
    key->tweak->secret(x, spot, here);
    key->tweak->chains(x, spot, NULL, &top, here);
    key->tweak->pack(leaf + at * key->n, spot, x, here);
    at += here;
  }
  hbss_secret_reveal(leaf, count * key->n); /* a tree's leaves are public */
}

/* FIPS 205 algorithm 7; RFC 8391 algorithm 5; RFC 8554 section 4.5 */
void hbss_winternitz_sign(uint8_t *values, const hbss_key *key, const hbss_adrs *leaf, const uint8_t *digest)
{
  const uint8_t from[HBSS_MAX_CHAINS] = {0};
  uint8_t digits[HBSS_MAX_CHAINS];
  const hbss_spot spot = {key, *leaf};
  hbss_winternitz_digits(digits, key, digest);
  key->tweak->secret(values, &spot, 1);
  key->tweak->chains(values, &spot, from, digits, 1);
  hbss_secret_reveal(values, (size_t)chains_of(key) * key->n); /* they are the signature */
}

/* FIPS 205 algorithm 8, lines 1-11; RFC 8391 algorithm 6; RFC 8554 section 4.6, algorithm 4b step 3 */
void hbss_winternitz_ends(uint8_t *x, const hbss_key *key, const hbss_adrs *leaf, const uint8_t *digest,
                          const uint8_t *values)
{
  uint8_t digits[HBSS_MAX_CHAINS], to[HBSS_MAX_CHAINS];
  const hbss_spot spot = {key, *leaf};
  memset(to, (1 << key->lg_w) - 1, sizeof to);
  hbss_winternitz_digits(digits, key, digest);
  if (x != values) memcpy(x, values, (size_t)chains_of(key) * key->n);
  key->tweak->chains(x, &spot, digits, to, 1);
}

/* FIPS 205 algorithm 8; RFC 8391 algorithms 6 and 8; RFC 8554 section 4.6, algorithm 4b */
void hbss_winternitz_leaf(uint8_t *leaf, const hbss_key *key, const hbss_adrs *at, const uint8_t *digest,
                          const uint8_t *values)
{
  uint8_t x[HBSS_MAX_VALUES] __attribute__((aligned(64)));
  const hbss_spot spot = {key, *at};
  hbss_winternitz_ends(x, key, at, digest, values);
  key->tweak->pack(leaf, &spot, x, 1);
}
