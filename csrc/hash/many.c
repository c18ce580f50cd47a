/* many.c - `count` messages side by side: headers, bodies and padding into rows, rows into lanes. No byte layout of any
 * scheme and no instruction of any CPU is known here. Called by the schemes' tweaks. */
#include "lanes.h"

enum { HEADS = 32 * 84 }; /* bytes before the body: the most is 84 a lane of SHA-256's 32 (XMSS, n = 24, PRF_keygen) */

/* row = bytes [at, at + block) of head || body || padding */
static void fill(uint8_t *row, size_t at, const uint8_t *head, const uint8_t *body, const hbss_shape *s, const hbss_rules *r)
{
  const size_t len = s->head + s->body;
  size_t have = 0;
  if (at < s->head) {
    have = s->head - at < s->block ? s->head - at : s->block;
    memcpy(row, head + at, have);
  }
  if (have < s->block && at + have < len) {
    const size_t left = len - at - have, take = left < s->block - have ? left : s->block - have;
    memcpy(row + have, body + (at + have - s->head), take);
    have += take;
  }
  if (have == s->block) return;
  memset(row + have, 0, s->block - have);
  if (at + have == len) row[have] = r->pad;
  if (at + s->block >= len + s->tail) r->close(row, s->total);
}

/* Messages of one block: a shared body and the padding are written once, then only what differs. */
static void many_short(hbss_lanes *t, uint8_t *out, const hbss_kernel *k, const hbss_rules *r, const hbss_items *items,
                       const hbss_shape *s, const uint8_t *body, size_t stride, size_t count)
{
  const uint32_t lanes = k->lanes, n = items->n;
  const size_t block = s->block;
  memset(t->row, 0, block);
  memcpy(t->row, s->first->rest, s->rest);
  if (!stride) memcpy(t->row + s->head, body, s->body);
  t->row[s->head + s->body] = r->pad;
  r->close(t->row, s->total);
  for (uint32_t l = 0; l < lanes; l++) {
    t->rows[l] = t->row + l * block;
    if (l) hbss_copy(t->row + l * block, t->row, block);
  }
  for (size_t at = 0; at < count; at += lanes) {
    const uint32_t use = count - at < lanes ? (uint32_t)(count - at) : lanes;
    for (uint32_t l = 0; l < use; l++) {
      uint8_t *row = t->row + l * block;
      hbss_lanes_prefix(t, k, r, l, items->header(items->of, at + l, row + s->rest), row);
      if (stride) hbss_copy(row + s->head, body + (at + l) * stride, s->body);
    }
    k->load(t->block, t->rows, (uint32_t)block);
    hbss_lanes_absorb(k, n, 1, t->state, t->mid, t->block);
    k->store(t->digest, t->state);
    for (uint32_t l = 0; l < use; l++) hbss_copy(out + (at + l) * n, t->digest + l * r->digest, n);
  }
}

static void many_long(hbss_lanes *t, uint8_t *out, const hbss_kernel *k, const hbss_rules *r, const hbss_items *items,
                      const hbss_shape *s, const uint8_t *body, size_t stride, size_t count)
{
  const uint32_t lanes = k->lanes, n = items->n;
  const size_t len = s->head + s->body;
  uint8_t heads[HEADS];
  for (uint32_t l = 0; l < lanes; l++) {
    t->rows[l] = t->row + l * s->block;
    memcpy(heads + l * s->head, s->first->rest, s->rest);
  }
  memset(t->row, 0, lanes * s->block);
  for (size_t at = 0; at < count; at += lanes) {
    const uint32_t use = count - at < lanes ? (uint32_t)(count - at) : lanes;
    for (uint32_t l = 0; l < use; l++) {
      uint8_t *head = heads + l * s->head;
      hbss_lanes_prefix(t, k, r, l, items->header(items->of, at + l, head + s->rest), head);
    }
    for (size_t b = 0; b < len + s->tail; b += s->block) {
      for (uint32_t l = 0; l < use; l++) {
        const uint8_t *mine = body + (at + l) * stride, *head = heads + l * s->head;
        uint8_t *row = t->row + l * s->block;
        t->rows[l] = row;
        if (b + s->block <= s->head) t->rows[l] = head + b;
        else if (b >= s->head && b + s->block <= len) t->rows[l] = mine + (b - s->head);
        else if (b >= len && l) t->rows[l] = t->rows[0]; /* only padding, which is the same in all lanes */
        else fill(row, b, head, mine, s, r);
      }
      k->load(t->block, t->rows, (uint32_t)s->block);
      hbss_lanes_absorb(k, n, b + s->block >= len + s->tail, t->state, b ? t->state : t->mid, t->block);
    }
    for (uint32_t l = 0; l < lanes; l++) t->rows[l] = t->row + l * s->block; /* none may point past the bodies */
    k->store(t->digest, t->state);
    for (uint32_t l = 0; l < use; l++) hbss_copy(out + (at + l) * n, t->digest + l * r->digest, n);
  }
}

void hbss_hash_many(uint8_t *out, const hbss_hash *hash, const hbss_items *items,
                    const uint8_t *body, size_t body_len, size_t stride, size_t count)
{
  const hbss_rules *r = hash->rules;
  hbss_lanes t;
  if (!count) return;
  const hbss_shape s = hbss_lanes_shape(r, items, body_len);
  for (size_t at = 0; at < count;) {
    const hbss_kernel *k = hbss_lanes_kernel(hash, count - at, 0);
    const size_t here = hbss_lanes_share(hash, k, count - at);
    const hbss_later of = {items, at};
    hbss_items some = *items;
    if (at) { some.header = hbss_lanes_later; some.of = &of; }
    hbss_lanes_begin(&t, k, r, s.first);
    (s.head + s.body + s.tail <= s.block ? many_short : many_long)(&t, out + at * items->n, k, r, &some, &s,
                                                                   body + at * stride, stride, here);
    at += here;
  }
}

