/* The steps of administrators, and what a kernel tells of its tenant and its settings. */
#include "adapter.h"

#include <stdlib.h>

static aikit_status do_open_admin(scenario *s, const cJSON *step, observation *o) {
    static const char *const names[] = {"location", "actor", "profile", NULL};
    char *json = options(step, names);
    aikit_admin_free(&s->admin);
    aikit_status status = aikit_admin_open(json, AIKIT_TO_NUL, &s->admin, &o->error);
    free(json);
    if (status == AIKIT_OK) add_text(&o->ok, "null");
    return status;
}

static aikit_status do_admin(scenario *s, const cJSON *step, observation *o) {
    const cJSON *arguments = cJSON_GetObjectItemCaseSensitive(step, "arguments");
    text given = {0};
    aikit_bytes result = {0};
    if (arguments != NULL) add_json(&given, arguments);
    aikit_status status = aikit_admin_call(s->admin, string(step, "op"), AIKIT_TO_NUL, given.data,
                                           given.len, &result, &o->error);
    free(given.data);
    return keep(status, &result, &o->ok);
}

static aikit_status do_close_admin(scenario *s, const cJSON *step, observation *o) {
    (void)step;
    aikit_status status = aikit_admin_close(s->admin, &o->error);
    if (status == AIKIT_OK) add_text(&o->ok, "null");
    return status;
}

static aikit_status do_usage(scenario *s, const cJSON *step, observation *o) {
    const cJSON *days = cJSON_GetObjectItemCaseSensitive(step, "days");
    aikit_bytes usage = {0};
    return keep(aikit_kernel_usage(s->kernel, days != NULL ? (uint32_t)days->valuedouble : 30,
                                   &usage, &o->error),
                &usage, &o->ok);
}

static aikit_status do_config(scenario *s, const cJSON *step, observation *o) {
    (void)step;
    aikit_bytes settings = {0};
    return keep(aikit_kernel_config(s->kernel, s->parsed ? s->spec : 0, &settings, &o->error),
                &settings, &o->ok);
}

static aikit_status do_backup(scenario *s, const cJSON *step, observation *o) {
    aikit_status status =
        aikit_kernel_backup(s->kernel, string(step, "path"), AIKIT_TO_NUL, &o->error);
    if (status == AIKIT_OK) add_text(&o->ok, "null");
    return status;
}

const step_row admin_steps[] = {
    {"open_admin", do_open_admin}, {"admin", do_admin},   {"close_admin", do_close_admin},
    {"usage", do_usage},           {"config", do_config}, {"backup", do_backup},
    {NULL, NULL},
};
