/* backend.h - a backend: the kernels that suit one kind of CPU, for every hash function. The table is in kernels.c. */
#ifndef HBSS_HASH_BACKEND_H
#define HBSS_HASH_BACKEND_H
#include "../hbss.h"
#include "hash.h"

struct hbss_backend {
  const char *name;
  uint32_t needs;                    /* HBSS_CPU_... of base/cpu.h */
  hbss_hash hashes[HBSS_FUNCTIONS];  /* by hbss_function */
};
#endif
