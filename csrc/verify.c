/* verify.c - verification behind the door, of one signature or of many side by side. A signature becomes one or, with HSS,
 * several ascents, each of which must end at the root of its key; ascents of one set go up together. Nothing is secret. */
#include <string.h>
#include "hbss.h"
#include "schemes/scheme.h"
#include "trees/winternitz.h"

static const hbss_scheme_row *row_of(const hbss_key *key) { return hbss_scheme_rows[key->set->scheme]; }

hbss_status hbss_verify_start(hbss_stream *stream, const hbss_key *key, const uint8_t *signature, size_t len)
{
  memset(stream, 0, HBSS_STREAM_HEAD);
  if (!key->has_root) return HBSS_BAD_ARGUMENT;
  const hbss_status status = row_of(key)->verify_start(stream, key, signature, len);
  stream->signature_len = status ? 0 : len;
  return status;
}

/* walk up ascents by keys of one set */
static void ascend(hbss_ascent *ascent, size_t count, uint8_t *room, size_t room_len)
{
  const hbss_scheme_row *row = row_of(ascent->key);
  if (row->verify_below) row->verify_below(ascent, count, room, room_len);
  hbss_hypertree_ascend(ascent, count, room, room_len);
}

/* walk up any ascents, those of one set together: good[number] becomes 0 where one ends at another root than its key's */
static void ascend_all(uint8_t *good, hbss_ascent *ascent, size_t count, uint8_t *room, size_t room_len)
{
  while (count) {
    size_t same = 1;
    for (size_t i = 1; i < count; i++) {
      if (ascent[i].key->set != ascent->key->set) continue;
      const hbss_ascent other = ascent[same];
      ascent[same++] = ascent[i];
      ascent[i] = other;
    }
    ascend(ascent, same, room, room_len);
    for (; same; same--, count--, ascent++)
      good[ascent->number] &= (uint8_t)hbss_secret_equal(ascent->node, ascent->key->root, ascent->key->n);
  }
}

hbss_status hbss_verify_finish(hbss_stream *stream, const hbss_key *key, const uint8_t *signature, size_t len)
{
  uint8_t room[HBSS_WINTERNITZ_ROOM] __attribute__((aligned(64)));
  hbss_ascent ascent[HBSS_MAX_LEVELS];
  uint8_t good = 1;
  if (!len || len != stream->signature_len) return HBSS_BAD_SIGNATURE; /* start has refused it, or seen another */
  const uint32_t count = row_of(key)->verify_ascents(ascent, stream, key, signature);
  ascend_all(&good, ascent, count, room, sizeof room);
  stream->signature_len = 0;
  return good ? HBSS_OK : HBSS_BAD_SIGNATURE;
}

/* ---- many ---- */

enum {
  ASCENTS = 64,          /* on their way at a time */
  ROOM = 64 * 67 * 34,   /* for so many signatures of n = 32 and w = 16 */
};

typedef struct scratch {
  uint8_t room[ROOM] __attribute__((aligned(64)));
  hbss_key key[ASCENTS]; /* those that only signatures give */
  hbss_ascent ascent[ASCENTS];
  hbss_stream stream;
} scratch;

size_t hbss_verify_scratch_len(void) { return sizeof(scratch); }

/* the ascents of one claim; 0: it is malformed */
static uint32_t prepare(const hbss_claim *c, size_t number, scratch *s, size_t at)
{
  hbss_ascent *ascent = s->ascent + at;
  if (hbss_verify_start(&s->stream, c->key, c->signature, c->signature_len)) return 0;
  hbss_hash_update(&s->stream.message, c->head, c->head_len);
  hbss_hash_update(&s->stream.message, c->message, c->message_len);
  const uint32_t count = row_of(c->key)->verify_ascents(ascent, &s->stream, c->key, c->signature);
  for (uint32_t i = 0; i < count; i++) {
    ascent[i].number = number;
    if (ascent[i].key == c->key) continue;
    s->key[at + i] = *ascent[i].key; /* the next claim needs the stream */
    ascent[i].key = s->key + at + i;
  }
  return count;
}

void hbss_verify_each(uint8_t *good, const hbss_claim *claims, size_t count, void *memory)
{
  scratch *s = memory;
  size_t waiting = 0;
  for (size_t i = 0; i < count; i++) {
    if (waiting + claims[i].key->levels > ASCENTS) {
      ascend_all(good, s->ascent, waiting, s->room, sizeof s->room);
      waiting = 0;
    }
    const uint32_t more = prepare(claims + i, i, s, waiting);
    good[i] = more > 0;
    waiting += more;
  }
  ascend_all(good, s->ascent, waiting, s->room, sizeof s->room);
}
