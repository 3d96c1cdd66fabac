/* Lets the n-th change of a file under a folder fail. To be preloaded into a program:
 *
 *   FAULT_FOLDER  only files under this absolute path count
 *   FAULT_AT      which call fails, from 1; 0: none, calls are only counted
 *   FAULT_ERRNO   with which number
 *   FAULT_STICKY  1: all later calls fail as well
 *   FAULT_SHORT   1: a write that fails writes its first half before
 *   FAULT_REPORT  a file that gets two 64-bit numbers: calls that were counted, calls that failed;
 *                 and then the name of the call that failed first
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct report {
    uint64_t counted;
    uint64_t failed;
    char first[48];
};

static struct report unreported;
static struct report *report = &unreported;
static const char *folder;
static uint64_t at;
static int with_errno, sticky, in_halves;

static uint64_t number(const char *name)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void prepare(void)
{
    const char *path = getenv("FAULT_REPORT");
    int file = path ? open(path, O_RDWR | O_CREAT | O_TRUNC, 0600) : -1;
    if (file >= 0 && ftruncate(file, sizeof *report) == 0) {
        void *shared = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (shared != MAP_FAILED)
            report = shared;
    }
    if (file >= 0)
        close(file);
    at = number("FAULT_AT");
    with_errno = (int)number("FAULT_ERRNO");
    sticky = (int)number("FAULT_STICKY");
    in_halves = (int)number("FAULT_SHORT");
    folder = getenv("FAULT_FOLDER"); /* last: from here on calls count */
}

static int is_under(const char *path)
{
    size_t length = folder ? strlen(folder) : 0;
    return length && strncmp(path, folder, length) == 0 && path[length] == '/';
}

/* Whether this call, on a file of that path, is to fail. */
static int fails(const char *path, const char *call)
{
    if (!is_under(path))
        return 0;
    uint64_t n = __atomic_add_fetch(&report->counted, 1, __ATOMIC_SEQ_CST);
    if (!at || (sticky ? n < at : n != at))
        return 0;
    if (__atomic_add_fetch(&report->failed, 1, __ATOMIC_SEQ_CST) == 1)
        snprintf(report->first, sizeof report->first, "%s %s", call, path + strlen(folder) + 1);
    errno = with_errno;
    return 1;
}

static int name_fails(const char *path, const char *call)
{
    char whole[PATH_MAX];
    int error = errno;
    if (!folder)
        return 0;
    if (path[0] != '/') {
        if (!getcwd(whole, sizeof whole / 2))
            return 0;
        size_t used = strlen(whole);
        snprintf(whole + used, sizeof whole - used, "/%s", path);
        path = whole;
    }
    int outcome = fails(path, call);
    if (!outcome)
        errno = error;
    return outcome;
}

static int file_fails(int file, const char *call)
{
    char link[40], path[PATH_MAX];
    int error = errno;
    if (!folder)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length > 0) {
        path[length] = 0;
        if (fails(path, call))
            return 1;
    }
    errno = error;
    return 0;
}

#define REAL(type, name, ...)                             \
    static type (*real)(__VA_ARGS__);                     \
    if (!real)                                            \
        real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define OPEN(name)                                        \
    int name(const char *path, int flags, ...)            \
    {                                                     \
        REAL(int, name, const char *, int, ...);          \
        va_list rest;                                     \
        va_start(rest, flags);                            \
        mode_t mode = va_arg(rest, mode_t);               \
        va_end(rest);                                     \
        return name_fails(path, #name) ? -1 : real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

ssize_t write(int file, const void *bytes, size_t length)
{
    REAL(ssize_t, write, int, const void *, size_t);
    if (!file_fails(file, "write"))
        return real(file, bytes, length);
    if (in_halves && real(file, bytes, length / 2) >= 0)
        errno = with_errno;
    return -1;
}

#define PWRITE(name, offset_type)                                          \
    ssize_t name(int file, const void *bytes, size_t length, offset_type offset) \
    {                                                                      \
        REAL(ssize_t, name, int, const void *, size_t, offset_type);       \
        if (!file_fails(file, #name))                                      \
            return real(file, bytes, length, offset);                      \
        if (in_halves && real(file, bytes, length / 2, offset) >= 0)       \
            errno = with_errno;                                            \
        return -1;                                                         \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define SYNC(name)                                        \
    int name(int file)                                    \
    {                                                     \
        REAL(int, name, int);                             \
        return file_fails(file, #name) ? -1 : real(file); \
    }
SYNC(fsync)
SYNC(fdatasync)

#define CUT(name, offset_type)                                    \
    int name(int file, offset_type length)                        \
    {                                                             \
        REAL(int, name, int, offset_type);                        \
        return file_fails(file, #name) ? -1 : real(file, length); \
    }
CUT(ftruncate, off_t)
CUT(ftruncate64, off64_t)

int unlink(const char *path)
{
    REAL(int, unlink, const char *);
    return name_fails(path, "unlink") ? -1 : real(path);
}

int rename(const char *from, const char *to)
{
    REAL(int, rename, const char *, const char *);
    return name_fails(to, "rename") ? -1 : real(from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    REAL(int, linkat, int, const char *, int, const char *, int);
    if (name_fails(to, "linkat"))
        return -1;
    return real(from_folder, from, to_folder, to, flags);
}
