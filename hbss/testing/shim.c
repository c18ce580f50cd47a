/* The crash kit's shim, loaded with LD_PRELOAD: it stands between a process and the files under one folder.

   It can make the n-th call of a kind fail, write short or be the process's last; it can log everything that reaches
   the files, with its data and its flushes, so that `disk.py` can say what a power cut would have left; and it can move
   the calendar clock. It does nothing until it is told to, by the functions named shim_*, which Python calls through ctypes.

   Every call goes on to the kernel by its system call, so nothing has to be looked up. 64-bit Linux only. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#if !defined(__linux__) || !defined(__LP64__)
#error "the shim is for 64-bit Linux"
#endif

#define PUBLIC __attribute__((visibility("default")))

/* ---- what Python asks for: the numbers are those of shim.py ---------------------------------------------------- */

enum { OPEN = 1, READ = 2, WRITE = 4, SYNC = 8, TRUNCATE = 16, UNLINK = 32, RENAME = 64, LINK = 128, MKDIR = 256 };
enum { FAIL = 1, SHORT = 2, KILL = 3 };

static struct {
  char folder[PATH_MAX];
  size_t folder_len;      /* 0: nothing is watched */
  int log;                /* descriptor of the log, or -1 */
  unsigned kinds;         /* which calls count */
  long nth, calls;        /* the first one that is hit; how many there have been */
  int how, error, onwards; /* onwards: every later one too */
  uint64_t clock;         /* state of the generator of jumps; 0: the calendar is left alone */
} it = {.log = -1};

PUBLIC void shim_watch(const char *folder) {
  it.folder_len = (size_t)snprintf(it.folder, sizeof it.folder, "%s", folder);
}

PUBLIC void shim_log(int descriptor) { it.log = descriptor; }

PUBLIC void shim_plan(unsigned kinds, long nth, int how, int error, int onwards) {
  it.kinds = kinds, it.nth = nth, it.how = how, it.error = error, it.onwards = onwards, it.calls = 0;
}

PUBLIC long shim_calls(void) { return it.calls; }

PUBLIC void shim_clock(uint64_t seed) { it.clock = seed; }

/* ---- the log --------------------------------------------------------------------------------------------------- */

struct __attribute__((packed)) record {
  char kind;
  uint64_t inode, first, second;
  uint32_t one, two; /* the lengths of what follows */
};

static void note(char kind, uint64_t inode, uint64_t first, uint64_t second, const void *one, size_t one_len,
                 const void *two, size_t two_len) {
  if (it.log < 0) return;
  int kept = errno;
  struct record head = {kind, inode, first, second, (uint32_t)one_len, (uint32_t)two_len};
  struct iovec parts[3] = {{&head, sizeof head}, {(void *)one, one_len}, {(void *)two, two_len}};
  if (syscall(SYS_writev, it.log, parts, 3) < 0) raise(SIGABRT); /* a log with holes would prove nothing */
  errno = kept;
}

PUBLIC void shim_mark(const void *data, size_t len) { note('M', 0, 0, 0, data, len, "", 0); }

static void note_path(char kind, uint64_t inode, uint64_t first, const char *path) {
  note(kind, inode, first, 0, path, strlen(path), "", 0);
}

/* ---- what is watched, and what is to happen -------------------------------------------------------------------- */

static int inside(const char *path) {
  return it.folder_len && !strncmp(path, it.folder, it.folder_len) &&
         (path[it.folder_len] == '/' || path[it.folder_len] == 0);
}

static int descriptor_path(int descriptor, char *out) {
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t len = readlink(link, out, PATH_MAX - 1);
  out[len < 0 ? 0 : len] = 0;
  return len > 0;
}

/* Whether a descriptor is one of a watched file or folder. */
static int watched(int descriptor, struct stat *found) {
  char path[PATH_MAX];
  if (!it.folder_len || descriptor == it.log) return 0;
  int kept = errno;
  int yes = !fstat(descriptor, found) && (S_ISREG(found->st_mode) || S_ISDIR(found->st_mode)) &&
            descriptor_path(descriptor, path) && inside(path);
  errno = kept;
  return yes;
}

/* Whether a path is watched; `out` gets it in full. */
static int named(int folder, const char *path, char *out) {
  char base[PATH_MAX];
  if (!it.folder_len || !path) return 0;
  if (path[0] == '/') {
    snprintf(out, PATH_MAX, "%s", path);
  } else {
    if (folder == AT_FDCWD ? !getcwd(base, sizeof base) : !descriptor_path(folder, base)) return 0;
    size_t len = strlen(base);
    if (len + 1 + strlen(path) >= PATH_MAX) return 0;
    memcpy(out, base, len);
    out[len] = '/';
    strcpy(out + len + 1, path);
  }
  return inside(out);
}

/* Count a call of this kind, and say what is to become of it: 0 for nothing. */
static int meet(unsigned kind) {
  if (!(it.kinds & kind)) return 0;
  long now = ++it.calls;
  if (now < it.nth) return 0;
  if (it.how == KILL) kill(getpid(), SIGKILL);
  if (it.how == SHORT && kind == WRITE && now == it.nth) return SHORT;
  int after = it.how == SHORT ? 1 : 0; /* what follows a short write is the failure that cut it short */
  if (now > it.nth + after && !it.onwards) return 0;
  errno = it.error;
  return FAIL;
}

/* ---- opening --------------------------------------------------------------------------------------------------- */

static int open_any(int folder, const char *path, int flags, mode_t mode) {
  char full[PATH_MAX];
  struct stat found;
  if (!named(folder, path, full)) return (int)syscall(SYS_openat, folder, path, flags, mode);
  if (meet(OPEN)) return -1;
  int kept = errno;
  int fresh = (flags & O_CREAT) && fstatat(folder, path, &found, AT_SYMLINK_NOFOLLOW) < 0;
  errno = kept;
  int descriptor = (int)syscall(SYS_openat, folder, path, flags, mode);
  if (descriptor >= 0 && (fresh || (flags & O_TRUNC)) && !fstat(descriptor, &found)) {
    if (fresh)
      note_path('C', found.st_ino, found.st_mode, full);
    else
      note('T', found.st_ino, 0, 0, "", 0, "", 0);
  }
  return descriptor;
}

#define MODE(flags, last)                                   \
  mode_t mode = 0;                                          \
  if ((flags) & (O_CREAT | __O_TMPFILE)) {                  \
    va_list rest;                                           \
    va_start(rest, last);                                   \
    mode = va_arg(rest, mode_t);                            \
    va_end(rest);                                           \
  }

PUBLIC int open(const char *path, int flags, ...) {
  MODE(flags, flags)
  return open_any(AT_FDCWD, path, flags, mode);
}
PUBLIC int open64(const char *path, int flags, ...) {
  MODE(flags, flags)
  return open_any(AT_FDCWD, path, flags, mode);
}
PUBLIC int openat(int folder, const char *path, int flags, ...) {
  MODE(flags, flags)
  return open_any(folder, path, flags, mode);
}
PUBLIC int openat64(int folder, const char *path, int flags, ...) {
  MODE(flags, flags)
  return open_any(folder, path, flags, mode);
}
PUBLIC int __open_2(const char *path, int flags) { return open_any(AT_FDCWD, path, flags, 0); }
PUBLIC int __open64_2(const char *path, int flags) { return open_any(AT_FDCWD, path, flags, 0); }
PUBLIC int __openat_2(int folder, const char *path, int flags) { return open_any(folder, path, flags, 0); }
PUBLIC int __openat64_2(int folder, const char *path, int flags) { return open_any(folder, path, flags, 0); }
PUBLIC int creat(const char *path, mode_t mode) { return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

/* ---- reading and writing --------------------------------------------------------------------------------------- */

static ssize_t read_any(int descriptor, void *out, size_t len, off_t at, int positioned) {
  struct stat found;
  if ((it.kinds & READ) && watched(descriptor, &found) && meet(READ)) return -1;
  return positioned ? syscall(SYS_pread64, descriptor, out, len, at) : syscall(SYS_read, descriptor, out, len);
}

PUBLIC ssize_t read(int descriptor, void *out, size_t len) { return read_any(descriptor, out, len, 0, 0); }
PUBLIC ssize_t pread(int descriptor, void *out, size_t len, off_t at) { return read_any(descriptor, out, len, at, 1); }
PUBLIC ssize_t pread64(int descriptor, void *out, size_t len, off64_t at) {
  return read_any(descriptor, out, len, at, 1);
}

static ssize_t write_any(int descriptor, const void *in, size_t len, off_t at, int positioned) {
  struct stat found;
  int mine = watched(descriptor, &found);
  if (mine) {
    switch (meet(WRITE)) {
      case FAIL: return -1;
      case SHORT:
        if (len < 2) return errno = it.error, -1;
        len /= 2;
    }
    if (!positioned)
      at = (fcntl(descriptor, F_GETFL) & O_APPEND) ? found.st_size : lseek(descriptor, 0, SEEK_CUR);
  }
  ssize_t done = positioned ? syscall(SYS_pwrite64, descriptor, in, len, at) : syscall(SYS_write, descriptor, in, len);
  if (mine && done > 0) note('W', found.st_ino, (uint64_t)at, 0, in, (size_t)done, "", 0);
  return done;
}

PUBLIC ssize_t write(int descriptor, const void *in, size_t len) { return write_any(descriptor, in, len, 0, 0); }
PUBLIC ssize_t pwrite(int descriptor, const void *in, size_t len, off_t at) {
  return write_any(descriptor, in, len, at, 1);
}
PUBLIC ssize_t pwrite64(int descriptor, const void *in, size_t len, off64_t at) {
  return write_any(descriptor, in, len, at, 1);
}

/* ---- flushing and truncating ----------------------------------------------------------------------------------- */

static int sync_any(long call, int descriptor) {
  struct stat found;
  int mine = watched(descriptor, &found);
  if (mine && meet(SYNC)) return note('s', found.st_ino, 0, 0, "", 0, "", 0), -1;
  int done = (int)syscall(call, descriptor);
  if (mine) note(done ? 's' : 'S', found.st_ino, 0, 0, "", 0, "", 0);
  return done;
}

PUBLIC int fsync(int descriptor) { return sync_any(SYS_fsync, descriptor); }
PUBLIC int fdatasync(int descriptor) { return sync_any(SYS_fdatasync, descriptor); }

PUBLIC int ftruncate(int descriptor, off_t size) {
  struct stat found;
  int mine = watched(descriptor, &found);
  if (mine && meet(TRUNCATE)) return -1;
  int done = (int)syscall(SYS_ftruncate, descriptor, size);
  if (mine && !done) note('T', found.st_ino, (uint64_t)size, 0, "", 0, "", 0);
  return done;
}
PUBLIC int ftruncate64(int descriptor, off64_t size) { return ftruncate(descriptor, size); }

/* ---- names ----------------------------------------------------------------------------------------------------- */

static int unlink_any(int folder, const char *path, int flags) {
  char full[PATH_MAX];
  int mine = named(folder, path, full);
  if (mine && meet(UNLINK)) return -1;
  int done = (int)syscall(SYS_unlinkat, folder, path, flags);
  if (mine && !done) note_path('U', 0, 0, full);
  return done;
}

PUBLIC int unlink(const char *path) { return unlink_any(AT_FDCWD, path, 0); }
PUBLIC int rmdir(const char *path) { return unlink_any(AT_FDCWD, path, AT_REMOVEDIR); }
PUBLIC int unlinkat(int folder, const char *path, int flags) { return unlink_any(folder, path, flags); }

static int rename_any(int from, const char *old, int to, const char *new, unsigned flags) {
  char old_full[PATH_MAX], new_full[PATH_MAX];
  int mine = named(from, old, old_full) && named(to, new, new_full);
  if (mine && meet(RENAME)) return -1;
  int done = (int)syscall(SYS_renameat2, from, old, to, new, flags);
  if (mine && !done) note('R', 0, flags, 0, old_full, strlen(old_full), new_full, strlen(new_full));
  return done;
}

PUBLIC int rename(const char *old, const char *new) { return rename_any(AT_FDCWD, old, AT_FDCWD, new, 0); }
PUBLIC int renameat(int from, const char *old, int to, const char *new) { return rename_any(from, old, to, new, 0); }
PUBLIC int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
  return rename_any(from, old, to, new, flags);
}

PUBLIC int linkat(int from, const char *old, int to, const char *new, int flags) {
  char old_full[PATH_MAX], new_full[PATH_MAX];
  int mine = named(from, old, old_full) && named(to, new, new_full);
  if (mine && meet(LINK)) return -1;
  int done = (int)syscall(SYS_linkat, from, old, to, new, flags);
  if (mine && !done) note('L', 0, 0, 0, old_full, strlen(old_full), new_full, strlen(new_full));
  return done;
}
PUBLIC int link(const char *old, const char *new) { return linkat(AT_FDCWD, old, AT_FDCWD, new, 0); }

PUBLIC int mkdirat(int folder, const char *path, mode_t mode) {
  char full[PATH_MAX];
  struct stat found;
  int mine = named(folder, path, full);
  if (mine && meet(MKDIR)) return -1;
  int done = (int)syscall(SYS_mkdirat, folder, path, mode);
  if (mine && !done && !fstatat(folder, path, &found, 0)) note_path('D', found.st_ino, found.st_mode, full);
  return done;
}
PUBLIC int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

PUBLIC int fchmod(int descriptor, mode_t mode) {
  struct stat found;
  int done = (int)syscall(SYS_fchmod, descriptor, mode);
  if (!done && watched(descriptor, &found)) note('P', found.st_ino, found.st_mode, 0, "", 0, "", 0);
  return done;
}

/* ---- calls that the log cannot describe ------------------------------------------------------------------------ */

/* While a log is made: those that a file system need not have are refused, so that the program falls back on plain
   ones; the others are logged as what they are, and the kit then refuses the log. */

static int logged(int descriptor) {
  struct stat found;
  return it.log >= 0 && watched(descriptor, &found);
}

static void unknown(int descriptor, const char *call) {
  char path[PATH_MAX];
  if (logged(descriptor) && descriptor_path(descriptor, path)) note('X', 0, 0, 0, call, strlen(call), path, strlen(path));
}

PUBLIC ssize_t sendfile(int out, int in, off_t *at, size_t len) {
  if (logged(out)) return errno = EINVAL, -1;
  return syscall(SYS_sendfile, out, in, at, len);
}
PUBLIC ssize_t sendfile64(int out, int in, off64_t *at, size_t len) { return sendfile(out, in, at, len); }
PUBLIC ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t len, unsigned flags) {
  if (logged(out)) return errno = EXDEV, -1;
  return syscall(SYS_copy_file_range, in, from, out, to, len, flags);
}
PUBLIC int fallocate(int descriptor, int mode, off_t at, off_t len) {
  if (logged(descriptor)) return errno = EOPNOTSUPP, -1;
  return (int)syscall(SYS_fallocate, descriptor, mode, at, len);
}
PUBLIC int fallocate64(int descriptor, int mode, off64_t at, off64_t len) {
  return fallocate(descriptor, mode, at, len);
}
PUBLIC int posix_fallocate(int descriptor, off_t at, off_t len) {
  return fallocate(descriptor, 0, at, len) ? errno : 0;
}
PUBLIC int posix_fallocate64(int descriptor, off64_t at, off64_t len) { return posix_fallocate(descriptor, at, len); }

PUBLIC ssize_t writev(int descriptor, const struct iovec *parts, int count) {
  unknown(descriptor, "writev");
  return syscall(SYS_writev, descriptor, parts, count);
}
PUBLIC ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t at) {
  unknown(descriptor, "pwritev");
  return syscall(SYS_pwritev, descriptor, parts, count, at, 0);
}
PUBLIC void *mmap(void *where, size_t len, int protection, int flags, int descriptor, off_t at) {
  if (descriptor >= 0 && (protection & PROT_WRITE) && (flags & MAP_SHARED)) unknown(descriptor, "mmap");
  return (void *)syscall(SYS_mmap, where, len, protection, flags, descriptor, at);
}
PUBLIC void *mmap64(void *where, size_t len, int protection, int flags, int descriptor, off64_t at) {
  return mmap(where, len, protection, flags, descriptor, at);
}

/* ---- the calendar ---------------------------------------------------------------------------------------------- */

/* The steady clock is left alone: nobody can set it, and the C library sleeps by it. */

static int64_t ahead; /* seconds */

static uint64_t draw(void) { /* xorshift64: good enough to choose jumps */
  it.clock ^= it.clock << 13, it.clock ^= it.clock >> 7, it.clock ^= it.clock << 17;
  return it.clock;
}

PUBLIC int clock_gettime(clockid_t clock, struct timespec *out) {
  int done = (int)syscall(SYS_clock_gettime, clock, out);
  if (!it.clock || done || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return done;
  if (draw() % 4 == 0) ahead = (int64_t)(draw() % 2000000000) - 1000000000; /* thirty years, either way */
  out->tv_sec += ahead;
  return 0;
}
PUBLIC int gettimeofday(struct timeval *out, void *zone) {
  struct timespec now;
  (void)zone;
  int done = clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec, out->tv_usec = now.tv_nsec / 1000;
  return done;
}
PUBLIC time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
