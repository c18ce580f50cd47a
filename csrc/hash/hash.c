/* hash.c - one long message, and the prefixes of many short ones. Called by the schemes. */
#include "hash.h"
#include <string.h>

/* the last choice has one lane */
static const hbss_kernel *single(const hbss_hash *hash)
{
  const hbss_choice *c = hash->choices;
  while (c->from) c++;
  return c->kernel;
}

void hbss_hash_init(hbss_message *m, const hbss_hash *hash)
{
  memset(m, 0, sizeof *m);
  m->hash = hash;
  single(hash)->set_state(m->state, 0, hash->rules->iv, hash->rules->state);
}

static void absorb(hbss_message *m, const uint8_t *bytes)
{
  const hbss_kernel *k = single(m->hash);
  uint64_t block[25] __attribute__((aligned(64)));
  k->load(block, &bytes, m->hash->rules->block);
  k->compress(m->state, m->state, block);
}

void hbss_hash_update(hbss_message *m, const uint8_t *data, size_t len)
{
  const size_t block = m->hash->rules->block;
  m->len += len;
  while (len) {
    if (!m->fill && len >= block) {
      absorb(m, data);
      data += block;
      len -= block;
      continue;
    }
    const size_t take = len < block - m->fill ? len : block - m->fill;
    memcpy(m->block + m->fill, data, take);
    m->fill += (uint32_t)take;
    data += take;
    len -= take;
    if (m->fill == block) {
      absorb(m, m->block);
      m->fill = 0;
    }
  }
}

void hbss_hash_final(uint8_t *out, size_t out_len, hbss_message *m)
{
  const hbss_rules *r = m->hash->rules;
  uint8_t digest[HBSS_MAX_DIGEST];
  const uint32_t rest = m->fill;
  memset(m->block + rest, 0, r->block - rest);
  m->block[rest] = r->pad;
  if (rest + r->tail > r->block) {
    absorb(m, m->block);
    memset(m->block, 0, r->block);
  }
  r->close(m->block, m->len);
  absorb(m, m->block);
  single(m->hash)->store(digest, m->state);
  memcpy(out, digest, out_len);
}

void hbss_hash_prefix(hbss_prefix *p, const hbss_hash *hash, const uint8_t *bytes, size_t len)
{
  const hbss_rules *r = hash->rules;
  hbss_message m;
  memset(p, 0, sizeof *p);
  hbss_hash_init(&m, hash);
  const size_t whole = r->state ? len - len % r->block : 0; /* Keccak's state is not kept: its prefixes are short */
  hbss_hash_update(&m, bytes, whole);
  single(hash)->get_state(p->state, 0, m.state, r->state);
  p->rest_len = (uint32_t)(len - whole);
  memcpy(p->rest, bytes + whole, p->rest_len);
  p->len = len;
}
