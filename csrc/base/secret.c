/* secret.c - see secret.h. */
#include "secret.h"
#include <string.h>

void hbss_secret_wipe(void *memory, size_t len)
{
  memset(memory, 0, len);
  __asm__ volatile("" : : "r"(memory) : "memory"); /* the zeros are read here: the memset must stay */
}

/* never inlined: their frames lie where the frames of the calls before lay */
__attribute__((noinline)) void hbss_secret_wipe_stack(void)
{
  uint8_t frames[HBSS_DEEPEST];
  hbss_secret_wipe(frames, sizeof frames);
}

__attribute__((noinline)) void hbss_secret_wipe_message(void)
{
  uint8_t frames[HBSS_DEEPEST_MESSAGE];
  hbss_secret_wipe(frames, sizeof frames);
}

int hbss_secret_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
  uint32_t difference = 0;
  for (size_t i = 0; i < len; i++) difference |= (uint32_t)(a[i] ^ b[i]);
  return (int)((difference - 1) >> 31);
}
