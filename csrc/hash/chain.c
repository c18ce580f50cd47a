/* chain.c - many chains side by side, x <- H(prefix || header || x): the lanes stay transposed from step to step, the
 * longest chains go first, and a lane that is done takes the next chain. Called by the schemes' tweaks. Values may be
 * secret; lengths are public. */
#include "lanes.h"

enum {
  WAIT = 1,      /* with so few steps to go, idle lanes wait for the others and are reloaded at once */
  FEW = 4,       /* up to so many lanes are unloaded one by one */
  CHUNK = 2304,  /* chains ordered by length at a time */
  LONGEST = 256, /* steps of a chain: its seed's and 255 */
  DAYS = LONGEST + 1,
};

/* What RFC 8391's keyed and masked step needs beside the walk: one step is F of two PRFs' results. */
typedef struct masked {
  uint8_t f[2][HBSS_ARRAY] HBSS_ALIGNED, f_mid[HBSS_ARRAY] HBSS_ALIGNED, out[HBSS_ARRAY] HBSS_ALIGNED;
  uint8_t f_fold[HBSS_FOLD] HBSS_ALIGNED;                     /* of F's first block; */
  int f_folded;                                               /* 0: there is none */
  uint32_t f_blocks, key_at;                                  /* blocks of F's message, and where in it K lies */
} masked;

/* A walk over chains in a given order: each lane holds one, and takes the next when it is done. */
typedef struct walk {
  hbss_lanes t;
  uint8_t *mine[HBSS_MAX_LANES];   /* where the lane's value belongs */
  uint32_t ends[DAYS];             /* a calendar that goes around: bit l is set where lane l will be done */
  uint32_t today, most, idle;      /* where it stands; steps until all will be done; a bit for every lane without a chain */
  const hbss_kernel *k;
  const hbss_rules *r;
  const hbss_items *items;
  hbss_shape s;
  uint32_t blocks;                 /* of the message: two only if masked */
  uint8_t fold[HBSS_FOLD] HBSS_ALIGNED; /* of the lanes' blocks; or the second ones, as two are not folded */
  int folded;                      /* 0: no fold was made since a lane took a chain */
  int turns;                       /* whether the next step is a seed's, after which the header turns */
  masked *m;                       /* NULL: a plain step */
  uint8_t *x;
  const uint8_t *from, *to;        /* from NULL: all from 0 to to[0] */
  const uint16_t *order;           /* NULL: as they come */
  size_t next, count;
} walk;

static uint32_t blocks_for(const hbss_rules *r, size_t len) { return (uint32_t)((len + r->tail + r->block - 1) / r->block); }

/* block b of the message in lane l's row, and of all lanes in the kernel's layout */
static uint8_t *row_of(walk *w, uint32_t l, uint32_t b) { return w->t.row + (l * w->blocks + b) * w->s.block; }
static void *block_of(walk *w, uint32_t b) { return b ? w->fold : w->t.block; }

/* ---- RFC 8391's step ---- */

static void prf(walk *w)
{
  uint8_t *out = w->m->out;
  if (w->folded) w->k->folded(out, w->t.mid, w->t.block, w->fold);
  else for (uint32_t b = 0; b < w->blocks; b++)
    hbss_lanes_absorb(w->k, w->items->n, b + 1 == w->blocks, out, b ? out : w->t.mid, block_of(w, b));
}

/* a state's first n bytes into F's message, in which they may lie across two blocks */
static void put_in_f(walk *w, uint32_t at, const void *state)
{
  const uint32_t block = w->r->block, n = w->items->n, b = at / block, room = block - at % block, here = n < room ? n : room;
  w->k->place(w->m->f[b], at % block, state, 0, here);
  if (here < n) w->k->place(w->m->f[b + 1], 0, state, here, n - here);
}

static void masked_steps(walk *w, uint32_t steps)
{
  const hbss_kernel *k = w->k;
  masked *m = w->m;
  const uint32_t block = w->r->block, which = (uint32_t)w->s.head - 1, counter = (uint32_t)w->s.rest + w->items->counter_at;
  while (steps--) {
    prf(w);
    put_in_f(w, m->key_at, m->out);
    k->count(block_of(w, which / block), which % block, 1);
    prf(w);
    k->count(block_of(w, which / block), which % block, -1);
    k->mix(w->t.state, m->out);
    put_in_f(w, m->key_at + w->items->n, w->t.state);
    k->count(block_of(w, counter / block), counter % block, 1);
    if (m->f_folded) k->folded(w->t.state, m->f_mid, m->f[0], m->f_fold);
    for (uint32_t b = m->f_folded != 0; b < m->f_blocks; b++)
      hbss_lanes_absorb(k, w->items->n, b + 1 == m->f_blocks, w->t.state, b ? w->t.state : m->f_mid, m->f[b]);
  }
}

/* F's message but for K and the value, which is the same in all lanes */
static void prepare(masked *m, const hbss_kernel *k, const hbss_rules *r, const hbss_items *items)
{
  const hbss_prefix *f = items->masked;
  const size_t len = f->rest_len + 2 * items->n;
  const uint8_t *rows[HBSS_MAX_LANES];
  uint8_t message[2 * HBSS_MAX_BLOCK] = {0};
  m->key_at = f->rest_len;
  m->f_blocks = blocks_for(r, len);
  memcpy(message, f->rest, f->rest_len);
  message[len] = r->pad;
  r->close(message + (m->f_blocks - 1) * r->block, f->len + 2 * items->n);
  for (uint32_t b = 0; b < m->f_blocks; b++) {
    for (uint32_t l = 0; l < k->lanes; l++) rows[l] = message + b * r->block;
    k->load(m->f[b], rows, r->block);
  }
  if (!r->state) memset(m->f_mid, 0, sizeof m->f_mid); /* Keccak */
  k->set_states(m->f_mid, f->state, r->state);
  const hbss_walk changes = {m->key_at, m->f_blocks > 1 ? r->block - m->key_at : 2 * items->n, m->key_at};
  m->f_folded = k->fold && k->fold(m->f_fold, m->f_mid, m->f[0], &changes);
}

/* ---- any step ---- */

/* the place in the calendar so many steps from now */
static inline uint32_t day(const walk *w, uint32_t steps)
{
  const uint32_t at = w->today + steps;
  return at < DAYS ? at : at - DAYS;
}

/* Put the next chain into lane l; its row is complete, its blocks only if `now`. */
static inline void take_chain(walk *w, uint32_t l, int now)
{
  const size_t i = w->order ? w->order[w->next] : w->next;
  const uint32_t n = w->items->n, start = w->from ? w->from[i] : 0;
  const uint8_t *seed = w->items->seed;
  uint8_t *row = row_of(w, l, 0);
  w->next++;
  const uint32_t steps = (w->from ? w->to[i] : w->to[0]) - start + (seed != NULL);
  w->ends[day(w, steps)] |= (uint32_t)1 << l;
  w->most = steps > w->most ? steps : w->most;
  w->mine[l] = w->x + i * n;
  hbss_lanes_prefix(&w->t, w->k, w->r, l, w->items->header(w->items->of, i, row + w->s.rest), row);
  row[w->s.rest + w->items->counter_at] = (uint8_t)(start - (seed && !w->items->turn_by));
  if (w->m) w->k->set_state(w->t.state, l, w->mine[l], n);
  else hbss_copy(row + w->s.head, seed ? seed : w->mine[l], n);
  for (uint32_t b = 0; now && b < w->blocks; b++) w->k->set_block(block_of(w, b), l, row_of(w, l, b), (uint32_t)w->s.block);
}

static void load_all(walk *w)
{
  for (uint32_t b = 0; b < w->blocks; b++) {
    for (uint32_t l = 0; l < w->k->lanes; l++) w->t.rows[l] = row_of(w, l, b);
    w->k->load(block_of(w, b), w->t.rows, (uint32_t)w->s.block);
  }
  w->turns = w->items->turn_by != 0;
}

static void turn(walk *w, const hbss_walk *place)
{
  w->k->count(w->t.block, (uint32_t)w->s.rest + w->items->turn_at, w->items->turn_by);
  w->k->count(w->t.block, place->counter, -1);
  w->turns = 0;
}

static void refill(walk *w)
{
  const uint32_t most = w->most;
  if (w->next == w->count || (most && most <= WAIT)) return;
  for (; w->idle && w->next < w->count; w->idle &= w->idle - 1) take_chain(w, hbss_lowest(w->idle), most != 0);
  w->folded = 0;
  if (!most) load_all(w);
}

/* Walk until the first live lane is done; 0: there is none. */
static int advance(walk *w, const hbss_walk *place)
{
  uint32_t steps = 1;
  if (!w->most) return 0;
  while (!w->turns && !w->ends[day(w, steps)]) steps++;
  if (!w->folded && w->k->fold && w->blocks == 1 && (w->m || steps > 1)) /* a single plain step is as soon done */
    w->folded = w->k->fold(w->fold, w->t.mid, w->t.block, place);
  if (w->m) masked_steps(w, steps);
  else w->k->chain(w->t.state, w->t.block, w->t.mid, w->folded ? w->fold : NULL, place, steps);
  if (w->turns) turn(w, place);
  w->today = day(w, steps);
  w->most -= steps;
  uint32_t done = w->ends[w->today], more = done;
  w->ends[w->today] = 0;
  w->idle |= done;
  for (int i = 0; i < FEW; i++) more &= more - 1;
  if (more) w->k->store(w->t.digest, w->t.state);
  for (; done; done &= done - 1) {
    const uint32_t l = hbss_lowest(done);
    if (more) hbss_copy(w->mine[l], w->t.digest + l * w->r->digest, w->items->n);
    else w->k->get_state(w->mine[l], l, w->t.state, w->items->n);
  }
  return 1;
}

static void walk_all(walk *w, uint8_t *x, const hbss_hash *hash, const hbss_items *items, const uint8_t *from,
                     const uint8_t *to, const uint16_t *order, size_t count)
{
  const hbss_rules *r = hash->rules;
  memset(w->ends, 0, sizeof w->ends);
  w->today = w->most = 0;
  w->next = 0;
  w->k = hbss_lanes_kernel(hash, count, from != NULL);
  w->r = r; w->items = items; w->s = hbss_lanes_shape(r, items, items->masked ? 0 : items->n);
  w->x = x; w->from = from; w->to = to; w->order = order; w->count = count;
  w->blocks = blocks_for(r, w->s.head + w->s.body);
  if (w->m) prepare(w->m, w->k, r, items);
  hbss_lanes_begin(&w->t, w->k, r, w->s.first);
  w->idle = UINT32_MAX >> (HBSS_MAX_LANES - w->k->lanes);
  const size_t row = w->blocks * w->s.block;
  memset(w->t.row, 0, row);
  memcpy(w->t.row, w->s.first->rest, w->s.rest);
  w->t.row[w->s.head + w->s.body] = r->pad;
  r->close(row_of(w, 0, w->blocks - 1), w->s.total);
  for (uint32_t l = 1; l < w->k->lanes; l++) hbss_copy(row_of(w, l, 0), w->t.row, row);
  const uint32_t counter = (uint32_t)w->s.rest + items->counter_at, head = (uint32_t)w->s.head;
  /* what changes is the value, or, if masked, which PRF it is: the last byte of the address */
  const hbss_walk place = w->m ? (hbss_walk){head - 1, 1, counter} : (hbss_walk){head, items->n, counter};
  do refill(w);
  while (advance(w, &place));
}

/* never inlined: neither need have the other's stack */
static __attribute__((noinline)) void walk_plain(uint8_t *x, const hbss_hash *hash, const hbss_items *items,
                                                 const uint8_t *from, const uint8_t *to, const uint16_t *order, size_t count)
{
  walk w;
  w.m = NULL;
  walk_all(&w, x, hash, items, from, to, order, count);
}
static __attribute__((noinline)) void walk_masked(uint8_t *x, const hbss_hash *hash, const hbss_items *items,
                                                  const uint8_t *from, const uint8_t *to, const uint16_t *order, size_t count)
{
  masked m;
  walk w;
  w.m = &m;
  walk_all(&w, x, hash, items, from, to, order, count);
}

static void chain_ordered(uint8_t *x, const hbss_hash *hash, const hbss_items *items, const uint8_t *from, const uint8_t *to,
                          const uint16_t *order, size_t count)
{
  (items->masked ? walk_masked : walk_plain)(x, hash, items, from, to, order, count);
}

/* Chains of unequal lengths go longest first (a counting sort), so that the lanes end together. Never inlined: chains of
 * one length go deeper, and need not have these arrays above them. */
static __attribute__((noinline)) void chain_uneven(uint8_t *x, const hbss_hash *hash, const hbss_items *items,
                                                   const uint8_t *from, const uint8_t *to, size_t base, size_t count)
{
  const hbss_later of = {items, base};
  const int first = items->seed != NULL;
  hbss_items some = *items;
  uint16_t order[CHUNK], place[LONGEST + 1] = {0};
  size_t total = 0;
  int longest = 0; /* mostly far below LONGEST */
  if (base) { some.header = hbss_lanes_later; some.of = &of; }
  for (size_t i = 0; i < count; i++) {
    const int len = to[i] - from[i] + first;
    place[len]++;
    longest = len > longest ? len : longest;
  }
  for (int len = longest; len > 0; len--) {
    const uint16_t same = place[len];
    place[len] = (uint16_t)total;
    total += same;
  }
  for (size_t i = 0; i < count; i++) {
    const int len = to[i] - from[i] + first;
    if (len) order[place[len]++] = (uint16_t)i;
  }
  if (total) chain_ordered(x, hash, &some, from, to, order, total);
}

/* Chains of one length end together, turn by turn. */
static void chain_even(uint8_t *x, const hbss_hash *hash, const hbss_items *items, const uint8_t *to, size_t count)
{
  for (size_t at = 0, here; at < count; at += here) {
    const hbss_later of = {items, at};
    hbss_items some = *items;
    if (at) { some.header = hbss_lanes_later; some.of = &of; }
    here = hbss_lanes_share(hash, hbss_lanes_kernel(hash, count - at, 0), count - at);
    chain_ordered(x + at * items->n, hash, &some, NULL, to, NULL, here);
  }
}

void hbss_hash_chain(uint8_t *x, const hbss_hash *hash, const hbss_items *items, const uint8_t *from, const uint8_t *to,
                     size_t stride, size_t count)
{
  static const uint8_t zeros[CHUNK];
  if (!count) return;
  if (!stride) {
    if (to[0] || items->seed) chain_even(x, hash, items, to, count);
    return;
  }
  size_t turns = (count + CHUNK - 1) / CHUNK; /* of about one size: each ends with idle lanes, and a short one does so for little */
  for (size_t at = 0, here; turns; turns--, at += here) {
    here = (count - at) / turns;
    chain_uneven(x + at * items->n, hash, items, from ? from + at : zeros, to + at, at, here);
  }
}
