/* What the C programs of the tests share: checks that end the program with the line that fails. */
#ifndef CHECKS_H
#define CHECKS_H

#include <aikit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d does not hold: %s\n", __LINE__, #condition);                  \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* A call that fails with this status, and whose error says so. */
#define FAILS(wanted, call)                                                                        \
    do {                                                                                           \
        aikit_error *error = NULL;                                                                 \
        CHECK((call) == (wanted));                                                                 \
        CHECK(aikit_error_number(error) == (wanted));                                              \
        CHECK(strcmp(aikit_error_code(error), aikit_status_name(wanted)) == 0);                    \
        CHECK(strlen(aikit_error_message(error)) > 0);                                             \
        aikit_error_free(&error);                                                                  \
        CHECK(error == NULL);                                                                      \
    } while (0)

#define WORKS(call)                                                                                \
    do {                                                                                           \
        aikit_error *error = (aikit_error *)0x1;                                                   \
        if ((call) != AIKIT_OK) {                                                                  \
            fprintf(stderr, "line %d: %s\n", __LINE__, aikit_error_json(error));                   \
            exit(1);                                                                               \
        }                                                                                          \
        CHECK(error == NULL);                                                                      \
    } while (0)

#define TEXT(literal) literal, sizeof(literal) - 1

static int contains(const aikit_bytes *bytes, const char *part) {
    return bytes->data != NULL && strlen(bytes->data) == bytes->len && strstr(bytes->data, part);
}

/* A call that writes a text to `out`, and whether that is as it should be. */
#define ANSWERS(expected, call)                                                                    \
    do {                                                                                           \
        aikit_bytes out = {0};                                                                     \
        WORKS(call);                                                                               \
        if (!(expected)) {                                                                         \
            fprintf(stderr, "line %d: not %s\n", __LINE__, out.data);                              \
            exit(1);                                                                               \
        }                                                                                          \
        aikit_bytes_free(&out);                                                                    \
    } while (0)
#define GIVES(part, call) ANSWERS(contains(&out, part), call)
#define IS(whole, call) ANSWERS(strcmp(out.data, whole) == 0, call)

static inline aikit_kernel open_kernel(const char *options) {
    aikit_kernel kernel = 0;
    WORKS(aikit_kernel_open(options, AIKIT_TO_NUL, &kernel, &error));
    return kernel;
}

#endif
