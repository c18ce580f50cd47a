/* cpu.h - what this CPU can do, and the operating system saves. The only file that asks. */
#ifndef HBSS_BASE_CPU_H
#define HBSS_BASE_CPU_H
#include <stdint.h>
enum {
  HBSS_CPU_AVX2 = 1,
  HBSS_CPU_AVX512 = 2, /* F, VL, BW: what the AVX-512 kernels are compiled for */
  HBSS_CPU_SHANI = 4,  /* SHA and SSE4.1 */
};
uint32_t hbss_cpu_features(void);
#endif
