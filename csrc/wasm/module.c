/* module.c - what the module has beside the core: the C library's memory functions, each one instruction here, and one
 * plain hash. A browser has no SHAKE, and SHA-256 only in secure contexts and by a promise; the page needs both for
 * fingerprints and for pictures of a verification. Nothing here is secret. */
#include "../hash/backend.h"
#include <string.h>

void *memcpy(void *to, const void *from, size_t len) { return __builtin_memcpy(to, from, len); }
void *memmove(void *to, const void *from, size_t len) { return __builtin_memmove(to, from, len); }
void *memset(void *to, int byte, size_t len) { return __builtin_memset(to, byte, len); }

/* the hash of a whole message: out_len <= 64 bytes of it */
void hbss_wasm_hash(uint8_t *out, size_t out_len, const hbss_backend *backend, hbss_function function,
                    const uint8_t *data, size_t len)
{
  hbss_message message;
  hbss_hash_init(&message, &backend->hashes[function]);
  hbss_hash_update(&message, data, len);
  hbss_hash_final(out, out_len, &message);
}
