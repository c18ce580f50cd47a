/* secret.h - what secrets need: wiping that is not optimised away, and comparison that does not tell where. */
#ifndef HBSS_BASE_SECRET_H
#define HBSS_BASE_SECRET_H
#include <stddef.h>
#include <stdint.h>
void hbss_secret_wipe(void *memory, size_t len);
int hbss_secret_equal(const uint8_t *a, const uint8_t *b, size_t len); /* 1 or 0 */
#endif
