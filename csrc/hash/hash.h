/* hash.h - the hash under every scheme, always for `count` items.
 *
 * An item is a message  prefix || header || body. The caller describes its items by one function that writes the header
 * of item i and returns the prefix it continues, so one call may mix leaves, trees and keys. */
#ifndef HBSS_HASH_HASH_H
#define HBSS_HASH_HASH_H
#include <stddef.h>
#include <stdint.h>
#include "kernel.h"

enum {
  HBSS_MAX_REST = 128,  /* of a prefix: XMSS-SHAKE with n = 64 has toByte(3, 64) || SEED in less than a block */
  HBSS_MAX_BLOCK = 168, /* SHAKE128's rate */
  HBSS_MAX_DIGEST = 64,
};

/* A hash function: all that no kernel needs to know about it. */
typedef struct hbss_rules {
  uint32_t block, state, digest; /* bytes of a block, of a mid-state that a prefix keeps, of a row from `store` */
  uint32_t tail;                 /* the least bytes of padding */
  uint8_t pad;                   /* the first byte of padding */
  void (*close)(uint8_t *block, uint64_t len); /* the end of the last block of a message of len bytes */
  const uint8_t *iv;             /* state bytes */
} hbss_rules;

typedef struct hbss_hash { const hbss_rules *rules; const hbss_choice *choices; } hbss_hash;

/* The beginning of many messages: whole blocks absorbed into a mid-state, and the bytes left over. */
typedef struct hbss_prefix {
  uint8_t state[HBSS_MAX_DIGEST], rest[HBSS_MAX_REST];
  uint32_t rest_len;
  uint64_t len; /* of all of it */
} hbss_prefix;

typedef const hbss_prefix *hbss_header(const void *of, size_t i, uint8_t *header);

typedef struct hbss_items {
  hbss_header *header; const void *of; /* the items, by number; their prefixes have one length */
  uint32_t header_len, n;              /* bytes of a header, bytes of a result */
  uint32_t counter_at;                 /* chain: the header byte that counts the steps */
  const hbss_prefix *masked;           /* chain: RFC 8391's keyed and masked step, whose F begins with this prefix */
  const uint8_t *seed;                 /* chain, not masked: n bytes that all begin with, one step earlier; or NULL */
  uint32_t turn_at;                    /* the header byte that changes by turn_by after the seed's step, */
  int turn_by;                         /* where it is not the counter */
} hbss_items;

void hbss_hash_prefix(hbss_prefix *prefix, const hbss_hash *hash, const uint8_t *bytes, size_t len);

/* out[i] = H(prefix || header || body), the body at body + i * stride; stride 0: one body for all. out may be
 * body, or lie before it. */
void hbss_hash_many(uint8_t *out, const hbss_hash *hash, const hbss_items *items,
                    const uint8_t *body, size_t body_len, size_t stride, size_t count);

/* x[i] = H(prefix || header || x[i]) for the counter from[i] .. to[i * stride] - 1. from NULL: all from 0; stride 0, and
 * then no from: all to to[0]. The message fills no more than one block.
 * seed: it is hashed first, in place of x[i] and with the counter 255, which counts on to 0; then no from. With turn_by the
 * counter is 0 in this step and in the next, of which there must be one; for stride 0 only.
 * masked: x[i] = H(F || K || x[i] ^ M), where K and M are H(prefix || header) with 0 and 1 in the header's last byte; each
 * of these messages fills no more than two blocks. */
void hbss_hash_chain(uint8_t *x, const hbss_hash *hash, const hbss_items *items, const uint8_t *from, const uint8_t *to,
                     size_t stride, size_t count);

/* One long message. */
typedef struct hbss_message {
  const hbss_hash *hash;
  uint64_t state[32], len;
  uint8_t block[HBSS_MAX_BLOCK];
  uint32_t fill;
} hbss_message;

void hbss_hash_init(hbss_message *message, const hbss_hash *hash);
void hbss_hash_update(hbss_message *message, const uint8_t *data, size_t len);
void hbss_hash_final(uint8_t *out, size_t out_len, hbss_message *message); /* out_len <= 64 */

/* The hash functions' rules. */
extern const hbss_rules hbss_sha256_rules, hbss_sha512_rules, hbss_shake128_rules, hbss_shake256_rules;
#endif
