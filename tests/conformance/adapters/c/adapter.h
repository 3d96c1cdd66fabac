/* What the parts of the conformance adapter share. */
#ifndef ADAPTER_H
#define ADAPTER_H

#include <aikit.h>
#include <cjson/cJSON.h>

#include <stddef.h>

/* A text that grows. */
typedef struct {
    char *data;
    size_t len, room;
} text;

typedef struct {
    const cJSON *document;
    aikit_kernel kernel;
    aikit_admin admin;
    aikit_agent agent;
    /* What the last `parse` gave, or the scenario's if a step wanted one before. */
    aikit_spec spec;
    int parsed;
    /* What the last export gave. */
    text bundle;
} scenario;

/* What a step gives: `ok` holds JSON if its status is AIKIT_OK; `events` if some were taken. */
typedef struct {
    text ok, events;
    aikit_error *error;
} observation;

typedef struct {
    const char *name;
    aikit_status (*perform)(scenario *, const cJSON *, observation *);
} step_row;

/* The steps about specs; ends with a row of NULLs. */
extern const step_row spec_steps[];

/* The steps of administrators, likewise. */
extern const step_row admin_steps[];

void add(text *to, const char *data, size_t len);
void add_text(text *to, const char *data);
void add_json(text *to, const cJSON *value);

/* The text of this name, or an empty one. */
const char *string(const cJSON *object, const char *name);

/* The members of a step that are options of a call, as a JSON object for it. Free with free(). */
char *options(const cJSON *step, const char *const *names);

/* Moves what aikit gave to an observation. */
aikit_status keep(aikit_status status, aikit_bytes *bytes, text *to);

/* Sees to it that there is a spec: the one that was parsed, or the scenario's. */
aikit_status need_spec(scenario *s, aikit_error **error);

#endif
