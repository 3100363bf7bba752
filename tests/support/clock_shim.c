/*
 * Moves the wall clock of one process, and of it alone: loaded with LD_PRELOAD, it adds to
 * CLOCK_REALTIME the nanoseconds in the file that CLOCK_SHIM names, which whoever started the
 * process rewrites while it runs. Built and used by the scorecard (tests/checks/clock_shim.rs).
 *
 * Every other clock, and every timer, stays the kernel's.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static const volatile int64_t *offset;

__attribute__((constructor)) static void attach(void)
{
    const char *path = getenv("CLOCK_SHIM");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *page = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED)
        offset = page;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && offset && clock == CLOCK_REALTIME) {
        int64_t moved = now->tv_nsec + *offset % SECOND;
        int64_t carry = moved < 0 ? -1 : moved / SECOND;
        now->tv_sec += *offset / SECOND + carry;
        now->tv_nsec = moved - carry * SECOND;
    }
    return result;
}
