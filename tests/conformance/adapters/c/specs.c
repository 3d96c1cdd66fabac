/* The steps about specs: their texts, and the repository. */
#include "adapter.h"

#include <stdlib.h>
#include <string.h>

/* Moves a plain text that aikit gave to an observation, as JSON. */
static aikit_status keep_text(aikit_status status, aikit_bytes *bytes, text *to) {
    if (status == AIKIT_OK) {
        cJSON *json = cJSON_CreateString(bytes->data);
        add_json(to, json);
        cJSON_Delete(json);
        aikit_bytes_free(bytes);
    }
    return status;
}

/* What `parse` and `load` show of a spec. */
static aikit_status show_spec(aikit_spec spec, observation *o) {
    aikit_bytes info = {0};
    aikit_status status = aikit_spec_info(spec, &info, &o->error);
    if (status != AIKIT_OK) return status;
    cJSON *shown = cJSON_Parse(info.data);
    cJSON_DeleteItemFromObjectCaseSensitive(shown, "text");
    add_json(&o->ok, shown);
    cJSON_Delete(shown);
    aikit_bytes_free(&info);
    return AIKIT_OK;
}

/* Reads the step's own spec, or the scenario's. */
static aikit_status read_spec(scenario *s, const cJSON *step, aikit_error **error) {
    const cJSON *own = cJSON_GetObjectItemCaseSensitive(step, "spec");
    const cJSON *file = cJSON_GetObjectItemCaseSensitive(s->document, "spec_file");
    aikit_spec spec = 0;
    aikit_status status =
        own == NULL && file != NULL
            ? aikit_spec_read(file->valuestring, AIKIT_TO_NUL, &spec, error)
            : aikit_spec_parse_in(string(own != NULL ? step : s->document, "spec"), AIKIT_TO_NUL,
                                  string(step, "base"), AIKIT_TO_NUL, &spec, error);
    if (status != AIKIT_OK) return status;
    aikit_spec_free(&s->spec);
    s->spec = spec;
    return AIKIT_OK;
}

aikit_status need_spec(scenario *s, aikit_error **error) {
    return s->spec != 0 ? AIKIT_OK : read_spec(s, NULL, error);
}

static aikit_status do_parse(scenario *s, const cJSON *step, observation *o) {
    aikit_status status = read_spec(s, step, &o->error);
    if (status != AIKIT_OK) return status;
    s->parsed = 1;
    return show_spec(s->spec, o);
}

static aikit_status do_check(scenario *s, const cJSON *step, observation *o) {
    (void)step;
    aikit_bytes found = {0};
    aikit_status status = need_spec(s, &o->error);
    if (status == AIKIT_OK) status = aikit_spec_check(s->spec, &found, &o->error);
    return keep(status, &found, &o->ok);
}

static aikit_status do_check_in_kernel(scenario *s, const cJSON *step, observation *o) {
    (void)step;
    aikit_bytes found = {0};
    aikit_status status = need_spec(s, &o->error);
    if (status == AIKIT_OK) status = aikit_kernel_check(s->kernel, s->spec, &found, &o->error);
    return keep(status, &found, &o->ok);
}

static aikit_status do_diagnose(scenario *s, const cJSON *step, observation *o) {
    static const char *const names[] = {"base", "format", "file", NULL};
    (void)s;
    char *json = options(step, names);
    aikit_bytes found = {0};
    aikit_status status = aikit_spec_diagnose(string(step, "text"), AIKIT_TO_NUL, json, AIKIT_TO_NUL,
                                              &found, &o->error);
    free(json);
    int plain = strcmp(string(step, "format"), "text") == 0;
    return plain ? keep_text(status, &found, &o->ok) : keep(status, &found, &o->ok);
}

static aikit_status do_render(scenario *s, const cJSON *step, observation *o) {
    aikit_bytes rendered = {0};
    aikit_status status = need_spec(s, &o->error);
    if (status == AIKIT_OK)
        status = aikit_spec_render(s->spec, string(step, "format"), AIKIT_TO_NUL, &rendered,
                                   &o->error);
    return keep_text(status, &rendered, &o->ok);
}

static aikit_status do_diff_specs(scenario *s, const cJSON *step, observation *o) {
    aikit_spec other = 0;
    aikit_bytes changes = {0};
    aikit_status status = need_spec(s, &o->error);
    if (status == AIKIT_OK)
        status = aikit_spec_parse(string(step, "other"), AIKIT_TO_NUL, &other, &o->error);
    if (status == AIKIT_OK) status = aikit_spec_diff(s->spec, other, &changes, &o->error);
    aikit_spec_free(&other);
    return keep(status, &changes, &o->ok);
}

static aikit_status do_edit(scenario *s, const cJSON *step, observation *o) {
    (void)s;
    text value = {0};
    aikit_bytes edited = {0};
    add_json(&value, cJSON_GetObjectItemCaseSensitive(step, "value"));
    aikit_status status =
        aikit_spec_edit(string(step, "text"), AIKIT_TO_NUL, string(step, "pointer"), AIKIT_TO_NUL,
                        value.data, value.len, &edited, &o->error);
    free(value.data);
    return keep_text(status, &edited, &o->ok);
}

static aikit_status do_import_spec(scenario *s, const cJSON *step, observation *o) {
    static const char *const names[] = {"from", "file", NULL};
    (void)s;
    char *json = options(step, names);
    aikit_bytes imported = {0};
    aikit_status status = aikit_spec_import(string(step, "text"), AIKIT_TO_NUL, json, AIKIT_TO_NUL,
                                            &imported, &o->error);
    free(json);
    return keep(status, &imported, &o->ok);
}

static aikit_status do_schema(scenario *s, const cJSON *step, observation *o) {
    (void)s, (void)step;
    aikit_bytes schema = {0};
    return keep(aikit_spec_schema(&schema, &o->error), &schema, &o->ok);
}

/* ---- the repository ---- */

static aikit_status save(scenario *s, const cJSON *step, const text *given, observation *o) {
    const cJSON *own = cJSON_GetObjectItemCaseSensitive(step, "text");
    aikit_spec spec = 0;
    aikit_bytes record = {0};
    aikit_status status =
        own != NULL ? aikit_spec_parse(string(step, "text"), AIKIT_TO_NUL, &spec, &o->error)
                    : need_spec(s, &o->error);
    if (status == AIKIT_OK)
        status = aikit_specs_save(s->kernel, own != NULL ? spec : s->spec, given->data, given->len,
                                  &record, &o->error);
    aikit_spec_free(&spec);
    return keep(status, &record, &o->ok);
}

static aikit_status import(scenario *s, const cJSON *step, const text *given, observation *o) {
    const cJSON *bundle = cJSON_GetObjectItemCaseSensitive(step, "bundle");
    text own = {0};
    aikit_bytes report = {0};
    if (bundle != NULL) add_json(&own, bundle);
    const text *taken = bundle != NULL ? &own : &s->bundle;
    aikit_status status = aikit_specs_import(s->kernel, taken->data, taken->len, given->data,
                                             given->len, &report, &o->error);
    free(own.data);
    return keep(status, &report, &o->ok);
}

static aikit_status load(scenario *s, const cJSON *step, observation *o) {
    aikit_spec spec = 0;
    aikit_status status =
        aikit_specs_load(s->kernel, string(step, "ref"), AIKIT_TO_NUL, &spec, &o->error);
    if (status == AIKIT_OK) status = show_spec(spec, o);
    aikit_spec_free(&spec);
    return status;
}

static aikit_status delete(scenario *s, const cJSON *step, const text *given, observation *o) {
    aikit_status status = aikit_specs_delete(s->kernel, string(step, "ref"), AIKIT_TO_NUL,
                                             given->data, given->len, &o->error);
    if (status == AIKIT_OK) add_text(&o->ok, "null");
    return status;
}

static aikit_status export(scenario *s, const text *given, observation *o) {
    aikit_bytes bundle = {0};
    aikit_status status =
        aikit_specs_export(s->kernel, given->data, given->len, &bundle, &o->error);
    if (status == AIKIT_OK) {
        s->bundle.len = 0;
        add(&s->bundle, bundle.data, bundle.len);
    }
    return keep(status, &bundle, &o->ok);
}

/* A step in the life of a version. */
static aikit_status change(aikit_status (*call)(aikit_kernel, const char *, size_t, const char *,
                                                size_t, aikit_bytes *, aikit_error **),
                           scenario *s, const cJSON *step, const text *given, observation *o) {
    aikit_bytes record = {0};
    return keep(call(s->kernel, string(step, "ref"), AIKIT_TO_NUL, given->data, given->len, &record,
                     &o->error),
                &record, &o->ok);
}

/* An operation that takes one text. */
static aikit_status ask(aikit_status (*call)(aikit_kernel, const char *, size_t, aikit_bytes *,
                                             aikit_error **),
                        scenario *s, const char *data, size_t len, observation *o) {
    aikit_bytes answer = {0};
    return keep(call(s->kernel, data, len, &answer, &o->error), &answer, &o->ok);
}

static aikit_status in_repository(const char *op, scenario *s, const cJSON *step, const text *given,
                                  observation *o) {
    aikit_bytes changes = {0};
    if (strcmp(op, "save") == 0) return save(s, step, given, o);
    if (strcmp(op, "load") == 0) return load(s, step, o);
    if (strcmp(op, "delete") == 0) return delete(s, step, given, o);
    if (strcmp(op, "export") == 0) return export(s, given, o);
    if (strcmp(op, "import") == 0) return import(s, step, given, o);
    if (strcmp(op, "promote") == 0) return change(aikit_specs_promote, s, step, given, o);
    if (strcmp(op, "deprecate") == 0) return change(aikit_specs_deprecate, s, step, given, o);
    if (strcmp(op, "retire") == 0) return change(aikit_specs_retire, s, step, given, o);
    if (strcmp(op, "list") == 0) return ask(aikit_specs_list, s, given->data, given->len, o);
    if (strcmp(op, "get") == 0)
        return ask(aikit_specs_get, s, string(step, "ref"), AIKIT_TO_NUL, o);
    if (strcmp(op, "history") == 0)
        return ask(aikit_specs_history, s, string(step, "agent_id"), AIKIT_TO_NUL, o);
    if (strcmp(op, "diff") == 0)
        return keep(aikit_specs_diff(s->kernel, string(step, "a"), AIKIT_TO_NUL, string(step, "b"),
                                     AIKIT_TO_NUL, &changes, &o->error),
                    &changes, &o->ok);
    /* No observation: the runner sees that the adapter failed. */
    abort();
}

static aikit_status do_specs(scenario *s, const cJSON *step, observation *o) {
    const cJSON *options = cJSON_GetObjectItemCaseSensitive(step, "options");
    text given = {0};
    if (options != NULL) add_json(&given, options);
    aikit_status status = in_repository(string(step, "op"), s, step, &given, o);
    free(given.data);
    return status;
}

const step_row spec_steps[] = {
    {"parse", do_parse},
    {"check", do_check},
    {"check_in_kernel", do_check_in_kernel},
    {"diagnose", do_diagnose},
    {"render", do_render},
    {"diff_specs", do_diff_specs},
    {"edit", do_edit},
    {"import_spec", do_import_spec},
    {"schema", do_schema},
    {"specs", do_specs},
    {NULL, NULL},
};
