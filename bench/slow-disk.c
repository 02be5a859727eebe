/*
 * Preloaded, delays fsync and fdatasync, as a network volume does: the real call, then a sleep of
 * as many microseconds as the file named by SLOW_DISK_FILE says (four bytes, native order), which
 * may change at any time. It does not know what it delays: all threads, all files alike.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef int (*sync_fn)(int);

static volatile const uint32_t *delay_us;
static sync_fn real_fsync;
static sync_fn real_fdatasync;

__attribute__((constructor)) static void prepare(void) {
  real_fsync = (sync_fn)dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = (sync_fn)dlsym(RTLD_NEXT, "fdatasync");
  const char *path = getenv("SLOW_DISK_FILE");
  if (!path) return;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof(uint32_t), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) delay_us = mapped;
}

static int delayed(sync_fn real, int fd) {
  int result = real(fd);
  uint32_t us = delay_us ? *delay_us : 0;
  if (us > 0) {
    struct timespec left = {us / 1000000, (long)(us % 1000000) * 1000};
    while (nanosleep(&left, &left) != 0) continue;
  }
  return result;
}

int fsync(int fd) { return delayed(real_fsync, fd); }

int fdatasync(int fd) { return delayed(real_fdatasync, fd); }
