/* secret.h - what secrets need: wiping that is not optimised away, comparison that does not tell where, and marks by which
 * valgrind's memcheck finds a branch or an index that depends on a secret (tests/c/secrets.c). */
#ifndef HBSS_BASE_SECRET_H
#define HBSS_BASE_SECRET_H
#include <stddef.h>
#include <stdint.h>

/* bytes of stack below a function of the door, at most; below one that hashes a few messages or signs with an LMS leaf:
 * tests/c/stack.c */
enum { HBSS_DEEPEST = 63 << 10, HBSS_DEEPEST_MESSAGE = 30 << 10 };

void hbss_secret_wipe(void *memory, size_t len);
/* What the calls before left on the stack, theirs and the compiler's copies. The door ends with it wherever a secret was
 * used, so that no function above needs to wipe its own variables. */
void hbss_secret_wipe_stack(void);
/* the same after a few messages or an LMS leaf: less to wipe, and the caches stay as they are */
void hbss_secret_wipe_message(void);
int hbss_secret_equal(const uint8_t *a, const uint8_t *b, size_t len); /* 1 or 0 */

/* Marks: seeds are secret where they enter a key, and so is all that is computed from them, until it is revealed where a
 * standard makes it public. They are nothing but for the test. */
#if defined(HBSS_CHECK_SECRETS)
#include <valgrind/memcheck.h>
static inline void hbss_secret_mark(const void *p, size_t len) { (void)VALGRIND_MAKE_MEM_UNDEFINED(p, len); }
static inline void hbss_secret_reveal(const void *p, size_t len) { (void)VALGRIND_MAKE_MEM_DEFINED(p, len); }
#else
static inline void hbss_secret_mark(const void *p, size_t len) { (void)p; (void)len; }
static inline void hbss_secret_reveal(const void *p, size_t len) { (void)p; (void)len; }
#endif
#endif
