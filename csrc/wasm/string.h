/* string.h - what the core takes from the C library, which a bare WebAssembly module has not: three functions, in module.c. */
#ifndef HBSS_WASM_STRING_H
#define HBSS_WASM_STRING_H
#include <stddef.h>
void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
#endif
