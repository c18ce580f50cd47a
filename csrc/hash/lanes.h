/* lanes.h - what many.c and chain.c share: the lanes of one call, and the kernel for a number of items. */
#ifndef HBSS_HASH_LANES_H
#define HBSS_HASH_LANES_H
#include "../base/bytes.h"
#include "hash.h"

#define HBSS_ALIGNED __attribute__((aligned(64)))
enum { /* bytes of all lanes together */
  HBSS_ROWS = 4096,    /* of two blocks: 32 x 128, 16 x 256, 8 x 336 */
  HBSS_DIGESTS = 1024, /* of what `store` gives: 32 x 32, 16 x 64, 8 x 64 */
};

typedef struct hbss_lanes {
  uint8_t mid[HBSS_ARRAY] HBSS_ALIGNED, state[HBSS_ARRAY] HBSS_ALIGNED, block[HBSS_ARRAY] HBSS_ALIGNED;
  uint8_t row[HBSS_ROWS] HBSS_ALIGNED, digest[HBSS_DIGESTS] HBSS_ALIGNED; /* one block or two, and a digest, a lane */
  const uint8_t *rows[HBSS_MAX_LANES];
  const hbss_prefix *has[HBSS_MAX_LANES]; /* the prefix whose mid-state and rest the lane holds */
} hbss_lanes;

/* The shape of the messages of one call: head = rest + header, `total` bytes in all with what the mid-state holds. */
typedef struct hbss_shape { size_t rest, head, body, block, tail; uint64_t total; const hbss_prefix *first; } hbss_shape;

static inline hbss_shape hbss_lanes_shape(const hbss_rules *r, const hbss_items *items, size_t body_len)
{
  uint8_t header[HBSS_MAX_BLOCK];
  const hbss_prefix *p = items->header(items->of, 0, header);
  return (hbss_shape){p->rest_len, p->rest_len + items->header_len, body_len, r->block, r->tail,
                      p->len + items->header_len + body_len, p};
}

/* the first kernel that is worth its lanes for so many items */
static inline const hbss_kernel *hbss_lanes_kernel(const hbss_hash *hash, size_t count, int uneven)
{
  const hbss_choice *c = hash->choices;
  while (count < (uneven ? c->from_uneven : c->from)) c++;
  return c->kernel;
}

/* How many of the items this kernel should take: all, or its full turns only, where another suits what is left better. */
static inline size_t hbss_lanes_share(const hbss_hash *hash, const hbss_kernel *k, size_t count)
{
  const size_t left = count % k->lanes;
  return count > k->lanes && left && hbss_lanes_kernel(hash, left, 0) != k ? count - left : count;
}

/* All lanes begin with the first item's prefix: most calls know no other. */
static inline void hbss_lanes_begin(hbss_lanes *t, const hbss_kernel *k, const hbss_rules *r, const hbss_prefix *first)
{
  if (r->state) k->set_states(t->mid, first->state, r->state);
  else memset(t->mid, 0, sizeof t->mid); /* Keccak begins with zeros, not with a mid-state */
  for (uint32_t l = 0; l < k->lanes; l++) t->has[l] = first;
}

static inline void hbss_lanes_prefix(hbss_lanes *t, const hbss_kernel *k, const hbss_rules *r, uint32_t l,
                                     const hbss_prefix *p, uint8_t *head)
{
  if (p == t->has[l]) return;
  t->has[l] = p;
  k->set_state(t->mid, l, p->state, r->state);
  memcpy(head, p->rest, p->rest_len);
}

/* a block of messages; last: then n bytes of the states are wanted */
static inline void hbss_lanes_absorb(const hbss_kernel *k, uint32_t n, int last, void *out, const void *in, const void *block)
{
  (last && n <= 32 ? k->value : k->compress)(out, in, block);
}

/* Items from number `base` on, as items from 0 on. */
typedef struct hbss_later { const hbss_items *items; size_t base; } hbss_later;
static inline const hbss_prefix *hbss_lanes_later(const void *of, size_t i, uint8_t *header)
{
  const hbss_later *o = of;
  return o->items->header(o->items->of, o->base + i, header);
}
#endif
