/* shake.c - SHAKE128 and SHAKE256 (FIPS 202) as the engine sees them: rates, padding, and the constants of Keccak.
 *
 * Called by the engine through the two tables at the end. No mid-state is kept for a prefix: every prefix here is
 * shorter than a block. The domain separation and the first bit of padding make 0x1f, the last bit 0x80. */
#include "hash.h"

enum { RATE128 = 168, RATE256 = 136 };

/* Iota's constant of each round: FIPS 202, 3.2.5 */
const uint64_t hbss_keccak_k[24] = {
  0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
  0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
  0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
  0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
  0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
  0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

static void close128(uint8_t *block, uint64_t len)
{
  (void)len; /* a sponge does not count */
  block[RATE128 - 1] |= 0x80;
}
static void close256(uint8_t *block, uint64_t len)
{
  (void)len;
  block[RATE256 - 1] |= 0x80;
}

const hbss_rules hbss_shake128_rules = {
  .block = RATE128, .state = 0, .digest = 64, .tail = 1, .pad = 0x1f, .close = close128};
const hbss_rules hbss_shake256_rules = {
  .block = RATE256, .state = 0, .digest = 64, .tail = 1, .pad = 0x1f, .close = close256};
