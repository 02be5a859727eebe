/*
 * Preloaded, delays fsync and fdatasync, as a network volume does: the real call, then a sleep of
 * as many microseconds as the file named by SLOW_DISK_FILE has at that moment, as a uint32_t.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile const uint32_t *delay_us;
__attribute__((constructor)) static void prepare(void) {
  const char *path = getenv("SLOW_DISK_FILE");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof(uint32_t), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) delay_us = mapped;
}

static int delayed(const char *name, int fd) {
  int result = ((int (*)(int))dlsym(RTLD_NEXT, name))(fd);
  uint32_t us = delay_us ? *delay_us : 0;
  struct timespec left = {us / 1000000, (long)(us % 1000000) * 1000};
  while (us > 0 && nanosleep(&left, &left) != 0) continue;
  return result;
}

int fsync(int fd) { return delayed("fsync", fd); }
int fdatasync(int fd) { return delayed("fdatasync", fd); }
