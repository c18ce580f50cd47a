/* tagged.c - SHA-256 with a byte in front, for many bodies: the leaves and nodes of transparency logs (RFC 9162 section 2.1).
 * A part of the door; nothing here is secret. */
#include "backend.h"

static const hbss_prefix *no_header(const void *of, size_t i, uint8_t *header)
{
  (void)i; (void)header;
  return of;
}

void hbss_tagged_many(uint8_t *digests, const hbss_backend *backend, uint8_t tag, const uint8_t *bodies, size_t body_len,
                      size_t stride, size_t count)
{
  const hbss_hash *hash = &backend->hashes[HBSS_SHA256];
  hbss_prefix prefix;
  hbss_hash_prefix(&prefix, hash, &tag, 1);
  const hbss_items items = {.header = no_header, .of = &prefix, .n = 32};
  hbss_hash_many(digests, hash, &items, bodies, body_len, stride, count);
}
