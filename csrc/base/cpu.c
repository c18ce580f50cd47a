/* cpu.c - what this CPU can do, and the operating system saves at a switch of threads. The only file that asks.
 *
 * Called when a backend is chosen, and asked anew each time, for the C core keeps no state: callers remember the answer,
 * as CPUID costs microseconds in a virtual machine.
 * A feature counts only with everything its kernels are compiled for, and only if the system saves its registers. */
#include "cpu.h"
#if defined(__GNUC__) && defined(__x86_64__)
#include <cpuid.h>

enum { /* XCR0: the registers that the system saves */
  SAVES_AVX = 1 << 1 | 1 << 2,                          /* XMM, upper halves of YMM */
  SAVES_AVX512 = SAVES_AVX | 1 << 5 | 1 << 6 | 1 << 7,  /* masks, upper halves of ZMM 0-15, ZMM 16-31 */
};

static int has(uint32_t word, uint32_t bits) { return (word & bits) == bits; }

static uint32_t saved_registers(void) /* only where CPUID says OSXSAVE */
{
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

uint32_t hbss_cpu_features(void)
{
  uint32_t a, b, c, d, features = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  const uint32_t one_c = c, saved = has(one_c, bit_OSXSAVE) ? saved_registers() : 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  if (has(one_c, bit_AVX) && has(b, bit_AVX2) && has(saved, SAVES_AVX)) {
    features |= HBSS_CPU_AVX2;
    if (has(b, bit_AVX512F | bit_AVX512VL | bit_AVX512BW) && has(saved, SAVES_AVX512))
      features |= HBSS_CPU_AVX512;
  }
  if (has(one_c, bit_SSSE3 | bit_SSE4_1) && has(b, bit_SHA)) features |= HBSS_CPU_SHANI; /* XMM is always saved */
  return features;
}
#else
uint32_t hbss_cpu_features(void) { return 0; }
#endif
