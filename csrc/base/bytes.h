/* bytes.h - numbers as big-endian bytes, as every standard here writes them; and copies of a few bytes. */
#ifndef HBSS_BASE_BYTES_H
#define HBSS_BASE_BYTES_H
#include <stdint.h>
#include <string.h>

static inline void hbss_put16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; }
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* said outright: where bytes of several numbers are neighbours, gcc merges their stores and shifts them together at length */
static inline void hbss_put32(uint8_t *p, uint32_t v)
{
  v = __builtin_bswap32(v);
  memcpy(p, &v, 4);
}
static inline void hbss_put64(uint8_t *p, uint64_t v)
{
  v = __builtin_bswap64(v);
  memcpy(p, &v, 8);
}
#else
static inline void hbss_put32(uint8_t *p, uint32_t v)
{
  p[0] = (uint8_t)(v >> 24); p[1] = (uint8_t)(v >> 16); p[2] = (uint8_t)(v >> 8); p[3] = (uint8_t)v;
}
static inline void hbss_put64(uint8_t *p, uint64_t v)
{
  hbss_put32(p, (uint32_t)(v >> 32));
  hbss_put32(p + 4, (uint32_t)v);
}
#endif
static inline uint32_t hbss_get32(const uint8_t *p)
{
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t hbss_get64(const uint8_t *p) { return (uint64_t)hbss_get32(p) << 32 | hbss_get32(p + 4); }

/* `len` bytes, big-endian; more than eight begin with zeros (the standards' toByte) */
static inline void hbss_put_be(uint8_t *p, uint64_t v, size_t len)
{
  while (len--) { p[len] = (uint8_t)v; v >>= 8; }
}
static inline uint64_t hbss_get_be(const uint8_t *p, size_t len)
{
  uint64_t v = 0;
  for (size_t i = 0; i < len; i++) v = v << 8 | p[i];
  return v;
}

/* memcpy, whose common lengths are worth a case of their own: the compiler then moves registers */
static inline void hbss_copy(uint8_t *to, const uint8_t *from, size_t n)
{
  switch (n) {
  case 16: memcpy(to, from, 16); break;
  case 24: memcpy(to, from, 24); break;
  case 32: memcpy(to, from, 32); break;
  case 48: memcpy(to, from, 48); break;
  case 64: memcpy(to, from, 64); break;
  case 128: memcpy(to, from, 128); break;
  default: memcpy(to, from, n);
  }
}

/* the number of the lowest bit of x, which is not 0 */
static inline uint32_t hbss_lowest(uint32_t x)
{
#if defined(__GNUC__)
  return (uint32_t)__builtin_ctz(x);
#else
  uint32_t i = 0;
  while (!(x >> i & 1)) i++;
  return i;
#endif
}
#endif
