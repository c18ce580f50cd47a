/* chain.c - many chains side by side, x <- H(prefix || header || x): the lanes stay transposed from step to step, the
 * longest chains go first, and a lane that is done takes the next chain. Called by the schemes' tweaks. Values may be
 * secret; lengths are public. */
#include "lanes.h"

enum {
  WAIT = 2,      /* with so few steps to go, idle lanes wait for the others and are reloaded at once */
  FEW = 4,       /* up to so many lanes are unloaded one by one */
  CHUNK = 2048,  /* chains ordered by length at a time */
  LONGEST = 255, /* steps of a chain */
};

/* A walk over chains in a given order: each lane holds one, and takes the next when it is done. */
typedef struct walk {
  hbss_lanes t;
  uint8_t *mine[HBSS_MAX_LANES];   /* where the lane's value belongs */
  uint32_t left[HBSS_MAX_LANES];   /* its steps to go; 0: idle */
  const hbss_kernel *k;
  const hbss_rules *r;
  const hbss_items *items;
  hbss_shape s;
  uint8_t *x;
  const uint8_t *from, *to;
  const uint16_t *order;           /* NULL: as they come */
  size_t next, count;
} walk;

/* Put the next chain into lane l; its row is complete, its block only if `now`. */
static inline void take_chain(walk *w, uint32_t l, int now)
{
  const size_t i = w->order ? w->order[w->next] : w->next;
  const uint32_t n = w->items->n, start = w->from ? w->from[i] : 0;
  uint8_t *row = w->t.row + l * w->s.block;
  w->next++;
  w->left[l] = (w->from ? w->to[i] : w->to[0]) - start;
  w->mine[l] = w->x + i * n;
  const hbss_prefix *had = w->t.has[l], *p = w->items->header(w->items->of, i, row + w->s.rest);
  row[w->s.rest + w->items->counter_at] = (uint8_t)start;
  hbss_lanes_prefix(&w->t, w->k, w->r, l, p, row);
  if (p != had) w->r->close(row, p->len + w->items->header_len + w->s.body);
  if (w->items->masked) w->k->set_state(w->t.state, l, w->mine[l], n);
  else hbss_lanes_copy(row + w->s.head, w->mine[l], n);
  if (now) w->k->set_block(w->t.block, l, row, (uint32_t)w->s.block);
}

static void refill(walk *w)
{
  const uint32_t lanes = w->k->lanes;
  uint32_t idle = 0, most = 0;
  for (uint32_t l = 0; l < lanes; l++) {
    idle += w->left[l] == 0;
    if (w->left[l] > most) most = w->left[l];
  }
  const int all = idle == lanes;
  if (w->next == w->count || !(all || most > WAIT)) return;
  for (uint32_t l = 0; l < lanes && w->next < w->count; l++)
    if (!w->left[l]) take_chain(w, l, !all);
  if (all) w->k->load(w->t.block, w->t.rows, (uint32_t)w->s.block);
}

/* Walk until the first live lane is done; 0: there is none. */
static int advance(walk *w, const hbss_walk *place)
{
  const uint32_t lanes = w->k->lanes, n = w->items->n;
  uint32_t least = LONGEST + 1, ends = 0;
  for (uint32_t l = 0; l < lanes; l++)
    if (w->left[l] && w->left[l] < least) least = w->left[l];
  if (least > LONGEST) return 0;
  (w->items->masked ? w->k->masked : w->k->chain)(w->t.state, w->t.block, w->t.mid, place, least);
  for (uint32_t l = 0; l < lanes; l++) ends += w->left[l] == least;
  if (ends > FEW) w->k->store(w->t.digest, w->t.state);
  for (uint32_t l = 0; l < lanes; l++) {
    if (!w->left[l]) continue;
    if (w->left[l] == least) {
      if (ends > FEW) hbss_lanes_copy(w->mine[l], w->t.digest + l * w->r->digest, n);
      else w->k->get_state(w->mine[l], l, w->t.state, n);
    }
    w->left[l] -= least;
  }
  return 1;
}

static void chain_ordered(uint8_t *x, const hbss_hash *hash, const hbss_items *items, const uint8_t *from, const uint8_t *to,
                          const uint16_t *order, size_t count)
{
  const hbss_rules *r = hash->rules;
  walk w;
  memset(w.t.row, 0, sizeof w.t.row);
  memset(w.t.has, 0, sizeof w.t.has);
  memset(w.left, 0, sizeof w.left);
  if (!r->state) memset(w.t.mid, 0, sizeof w.t.mid); /* Keccak begins with zeros, not with a mid-state */
  w.next = 0;
  w.k = hbss_lanes_kernel(hash, count, from != NULL);
  w.r = r; w.items = items; w.s = hbss_lanes_shape(r, items, items->masked ? 0 : items->n);
  w.x = x; w.from = from; w.to = to; w.order = order; w.count = count;
  for (uint32_t l = 0; l < w.k->lanes; l++) {
    w.t.rows[l] = w.t.row + l * w.s.block;
    w.t.row[l * w.s.block + w.s.head + w.s.body] = r->pad;
  }
  const hbss_walk place = {(uint32_t)w.s.head, items->n, (uint32_t)w.s.rest + items->counter_at};
  do refill(&w);
  while (advance(&w, &place));
}

/* Chains of unequal lengths go longest first (a counting sort), so that the lanes end together. */
static void chain_uneven(uint8_t *x, const hbss_hash *hash, const hbss_items *items, const uint8_t *from, const uint8_t *to,
                         size_t base, size_t count)
{
  const hbss_later of = {items, base};
  hbss_items some = *items;
  uint16_t order[CHUNK], place[LONGEST + 1] = {0};
  size_t total = 0;
  if (base) { some.header = hbss_lanes_later; some.of = &of; }
  for (size_t i = 0; i < count; i++) place[to[i] - from[i]]++;
  for (int len = LONGEST; len > 0; len--) {
    const uint16_t same = place[len];
    place[len] = (uint16_t)total;
    total += same;
  }
  for (size_t i = 0; i < count; i++)
    if (to[i] != from[i]) order[place[to[i] - from[i]]++] = (uint16_t)i;
  if (total) chain_ordered(x, hash, &some, from, to, order, total);
}

void hbss_hash_chain(uint8_t *x, const hbss_hash *hash, const hbss_items *items,
                     const uint8_t *from, const uint8_t *to, size_t count)
{
  if (!count) return;
  if (!from) {
    if (to[0]) chain_ordered(x, hash, items, NULL, to, NULL, count);
    return;
  }
  for (size_t at = 0; at < count; at += CHUNK)
    chain_uneven(x + at * items->n, hash, items, from + at, to + at, at, count - at < CHUNK ? count - at : CHUNK);
}
