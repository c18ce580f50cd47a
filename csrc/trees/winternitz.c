/* winternitz.c - Winternitz one-time signatures, for any standard: digits, leaves, signatures (RFC 8391 section 3,
 * RFC 8554 section 4, FIPS 205 section 5). Called by merkle.c, hypertree.c and the schemes. First values and chain values
 * below a signature's are secret; digits are public, being read off a signature. */
#include "winternitz.h"
#include <string.h>
#include "../base/secret.h"

enum { BUDGET = 28672 }; /* bytes of chain values at a time: enough items to fill the lanes, and most of the stack we use */

static inline uint32_t chains_of(const hbss_key *key) { return key->len1 + key->len2; }
static inline size_t least(size_t a, size_t b) { return a < b ? a : b; }

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
void hbss_winternitz_leaves(uint8_t *leaf, const hbss_spot *at, size_t count)
{
  uint8_t x[BUDGET] __attribute__((aligned(64)));
  const hbss_key *key = at->key;
  const uint8_t top = (uint8_t)((1u << key->lg_w) - 1);
  const size_t fit = BUDGET / ((size_t)chains_of(key) * key->n);
  size_t turns = (count + fit - 1) / fit; /* all turns of about one size: a last one of few leaves would be slow */
  for (size_t done = 0; turns; turns--) {
    const size_t here = (count - done) / turns;
    key->tweak->make(x, at + done, &top, 0, here);
    key->tweak->pack(leaf + done * key->n, at + done, x, here);
    done += here;
  }
  hbss_secret_reveal(leaf, count * key->n); /* a tree's leaves are public */
}

/* FIPS 205 algorithm 7; RFC 8391 algorithm 5; RFC 8554 section 4.5 */
static void sign_one(uint8_t *values, const hbss_spot *leaf, const uint8_t *digest)
{
  const hbss_key *key = leaf->key;
  uint8_t digits[HBSS_MAX_CHAINS];
  hbss_winternitz_digits(digits, key, digest);
  key->tweak->make(values, leaf, digits, 1, 1);
}

/* the same for as many as fit into x */
enum { MOST_DIGITS = BUDGET / 16 };
static __attribute__((noinline)) void sign_some(uint8_t *values, size_t stride, const hbss_spot *leaf,
                                                const uint8_t *digest, size_t count)
{
  const hbss_key *key = leaf->key;
  const size_t chains = chains_of(key), one = chains * key->n;
  uint8_t x[BUDGET] __attribute__((aligned(64)));
  uint8_t digits[MOST_DIGITS] = {0};
  for (size_t i = 0; i < count; i++) hbss_winternitz_digits(digits + i * chains, key, digest + i * key->n);
  key->tweak->make(x, leaf, digits, 1, count);
  for (size_t i = 0; i < count; i++) memcpy(values + i * stride, x + i * one, one);
}

void hbss_winternitz_sign(uint8_t *values, size_t stride, const hbss_spot *leaf, const uint8_t *digest, size_t count)
{
  const hbss_key *key = leaf->key;
  const size_t one = (size_t)chains_of(key) * key->n, fit = BUDGET / one;
  for (size_t at = 0; at < count; at += fit) {
    const size_t here = least(count - at, fit);
    uint8_t *mine = values + at * stride;
    if (here == 1) sign_one(mine, leaf + at, digest + at * key->n);
    else sign_some(mine, stride, leaf + at, digest + at * key->n, here);
    for (size_t i = 0; i < here; i++) hbss_secret_reveal(mine + i * stride, one); /* they are the signature */
  }
}

/* the room: chain values, then where each chain begins, then where it ends */
size_t hbss_winternitz_fit(const hbss_key *key, size_t room_len)
{
  return room_len / ((size_t)chains_of(key) * (key->n + 2));
}

/* FIPS 205 algorithm 8, lines 1-11; RFC 8391 algorithm 6; RFC 8554 section 4.6, algorithm 4b step 3 */
void hbss_winternitz_ends(uint8_t *room, const hbss_spot *leaf, const uint8_t *const *digest,
                          const uint8_t *const *values, size_t count)
{
  const hbss_key *key = leaf->key;
  const size_t chains = chains_of(key), one = chains * key->n;
  uint8_t *from = room + count * one, *to = from + count * chains;
  for (size_t i = 0; i < count; i++) {
    hbss_winternitz_digits(from + i * chains, key, digest[i]);
    memcpy(room + i * one, values[i], one);
  }
  memset(to, (1 << key->lg_w) - 1, count * chains);
  key->tweak->chains(room, leaf, from, to, count);
}

/* FIPS 205 algorithm 8; RFC 8391 algorithms 6 and 8; RFC 8554 section 4.6, algorithm 4b */
void hbss_winternitz_verify(uint8_t *leaf, const hbss_spot *at, const uint8_t *const *digest,
                            const uint8_t *const *values, size_t count, uint8_t *room)
{
  hbss_winternitz_ends(room, at, digest, values, count);
  at->key->tweak->pack(leaf, at, room, count);
}
