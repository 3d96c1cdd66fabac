/*
 * The conformance adapter for C: performs a scenario and prints what it observed.
 *
 *     adapter SCENARIO.json
 *
 * Judges nothing. What aikit answers is passed on as the text that it is; cJSON only reads the
 * scenario.
 */
#include "adapter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void add(text *to, const char *data, size_t len) {
    if (to->len + len + 1 > to->room) {
        to->room = (to->len + len + 1) * 2;
        to->data = realloc(to->data, to->room);
        if (to->data == NULL) abort();
    }
    memcpy(to->data + to->len, data, len);
    to->len += len;
    to->data[to->len] = '\0';
}

void add_text(text *to, const char *data) { add(to, data, strlen(data)); }

void add_json(text *to, const cJSON *value) {
    char *printed = cJSON_PrintUnformatted(value);
    if (printed == NULL) abort();
    add_text(to, printed);
    free(printed);
}

char *options(const cJSON *step, const char *const *names) {
    cJSON *object = cJSON_CreateObject();
    for (; *names != NULL; names++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(step, *names);
        if (value != NULL) cJSON_AddItemToObject(object, *names, cJSON_Duplicate(value, 1));
    }
    char *json = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return json;
}

const char *string(const cJSON *object, const char *name) {
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return value != NULL ? value : "";
}

/* ---- zeros ---- */

/* A text of cJSON ends at its first zero. So the zeros of a scenario are read as a character that
 * Unicode keeps for uses inside of programs, and put back where a text can hold them. */
static const char stand_in[] = "\xef\xb7\x90";

static void set_zeros_aside(char *json) {
    for (; *json != '\0'; json++) {
        if (*json != '\\' || json[1] == '\0') continue;
        if (strncmp(json, "\\u0000", 6) == 0) memcpy(json, "\\ufdd0", 6);
        json++;
    }
}

/* The input of a run. Free its data with free(). */
static text input_of(const cJSON *value) {
    const char *from = cJSON_GetStringValue(value);
    const char *zero;
    text input = {0};
    if (from == NULL) return input;
    for (; (zero = strstr(from, stand_in)) != NULL; from = zero + sizeof stand_in - 1) {
        add(&input, from, (size_t)(zero - from));
        add(&input, "", 1);
    }
    add_text(&input, from);
    return input;
}

/* ---- tools ---- */

static void sleep_ms(const cJSON *behaviour) {
    const cJSON *time = cJSON_GetObjectItemCaseSensitive(behaviour, "sleeps_ms");
    if (time == NULL) return;
    struct timespec left = {time->valueint / 1000, (time->valueint % 1000) * 1000000L};
    while (nanosleep(&left, &left) != 0) {
    }
}

static void behave(void *user_data, const char *arguments, size_t arguments_len, aikit_reply reply) {
    const cJSON *behaviour = user_data;
    sleep_ms(behaviour);
    const cJSON *fails = cJSON_GetObjectItemCaseSensitive(behaviour, "fails");
    if (fails != NULL) {
        aikit_tool_reply_error(reply, fails->valuestring, AIKIT_TO_NUL, NULL, 0, NULL);
    } else if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(behaviour, "echoes"))) {
        aikit_tool_reply_ok(reply, arguments, arguments_len, NULL);
    } else {
        const cJSON *returns = cJSON_GetObjectItemCaseSensitive(behaviour, "returns");
        char *json = returns != NULL ? cJSON_PrintUnformatted(returns) : NULL;
        aikit_tool_reply_ok(reply, json != NULL ? json : "null", AIKIT_TO_NUL, NULL);
        free(json);
    }
}

static aikit_status add_tools(aikit_kernel kernel, const cJSON *tools, aikit_error **error) {
    static const char *const names[] = {"name", "description", "parameters", "timeout_ms", NULL};
    const cJSON *tool;
    cJSON_ArrayForEach(tool, tools) {
        char *definition = options(tool, names);
        /* The behaviour lives as long as the scenario, so there is nothing to finalize. */
        void *behaviour = cJSON_GetObjectItemCaseSensitive(tool, "behaviour");
        aikit_status status = aikit_tool_register(kernel, definition, AIKIT_TO_NUL, behave, behaviour,
                                                  NULL, error);
        free(definition);
        if (status != AIKIT_OK) return status;
    }
    return AIKIT_OK;
}

/* ---- models ---- */

/* The answer of a model; the caller frees it. */
static char *said(const cJSON *behaviour, const cJSON *messages) {
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(behaviour, "repeats"))) {
        cJSON *answer = cJSON_CreateObject();
        const cJSON *last = cJSON_GetArrayItem(messages, cJSON_GetArraySize(messages) - 1);
        cJSON_AddStringToObject(answer, "text", string(last, "content"));
        char *json = cJSON_PrintUnformatted(answer);
        cJSON_Delete(answer);
        return json;
    }
    int turn = 0;
    const cJSON *message;
    cJSON_ArrayForEach(message, messages) turn += strcmp(string(message, "role"), "assistant") == 0;
    return cJSON_PrintUnformatted(
        cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(behaviour, "answers"), turn));
}

static void chat(void *user_data, const char *request, size_t request_len, aikit_reply reply) {
    const cJSON *behaviour = user_data;
    sleep_ms(behaviour);
    const cJSON *fails = cJSON_GetObjectItemCaseSensitive(behaviour, "fails");
    if (fails != NULL) {
        aikit_tool_reply_error(reply, fails->valuestring, AIKIT_TO_NUL, NULL, 0, NULL);
        return;
    }
    cJSON *asked = cJSON_ParseWithLength(request, request_len);
    char *json = said(behaviour, cJSON_GetObjectItemCaseSensitive(asked, "messages"));
    aikit_tool_reply_ok(reply, json != NULL ? json : "null", AIKIT_TO_NUL, NULL);
    free(json);
    cJSON_Delete(asked);
}

static aikit_status add_models(aikit_kernel kernel, const cJSON *models, aikit_error **error) {
    static const char *const names[] = {"name", "timeout_ms", NULL};
    const cJSON *model;
    cJSON_ArrayForEach(model, models) {
        char *definition = options(model, names);
        void *behaviour = cJSON_GetObjectItemCaseSensitive(model, "behaviour");
        aikit_status status = aikit_model_register(kernel, definition, AIKIT_TO_NUL, chat, behaviour,
                                                   NULL, error);
        free(definition);
        if (status != AIKIT_OK) return status;
    }
    return AIKIT_OK;
}

/* ---- steps ---- */

static const char *const run_options[] = {"run_id", "max_turns", "timeout_ms", "tokens_per_run",
                                          "cost_usd_per_run", "inputs", "images", "output_schema",
                                          NULL};

aikit_status keep(aikit_status status, aikit_bytes *bytes, text *to) {
    if (status == AIKIT_OK) {
        add(to, bytes->data, bytes->len);
        aikit_bytes_free(bytes);
    }
    return status;
}

static aikit_status do_open(scenario *s, const cJSON *step, observation *o) {
    static const char *const names[] = {"location", "tenant",        "providers", "actor", "reader",
                                        "rls",      "default_model", "policy",    "profile", NULL};
    char *json = options(step, names);
    aikit_kernel_free(&s->kernel);
    aikit_status status = aikit_kernel_open(json, AIKIT_TO_NUL, &s->kernel, &o->error);
    free(json);
    if (status != AIKIT_OK) return status;
    status = add_tools(s->kernel, cJSON_GetObjectItemCaseSensitive(s->document, "tools"), &o->error);
    if (status != AIKIT_OK) return status;
    status = add_models(s->kernel, cJSON_GetObjectItemCaseSensitive(s->document, "models"), &o->error);
    if (status != AIKIT_OK) return status;
    aikit_bytes tenant = {0};
    status = aikit_kernel_tenant(s->kernel, &tenant, &o->error);
    if (status != AIKIT_OK) return status;
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "tenant", tenant.data);
    aikit_bytes_free(&tenant);
    add_json(&o->ok, answer);
    cJSON_Delete(answer);
    return AIKIT_OK;
}

static aikit_status do_ingest(scenario *s, const cJSON *step, observation *o) {
    static const char *const names[] = {"embedding_model", "strategy", NULL};
    char *json = options(step, names);
    aikit_bytes report = {0};
    aikit_status status = aikit_collection_ingest(
        s->kernel, string(step, "collection"), AIKIT_TO_NUL, string(step, "path"), AIKIT_TO_NUL,
        json, AIKIT_TO_NUL, &report, &o->error);
    free(json);
    return keep(status, &report, &o->ok);
}

static aikit_status do_search(scenario *s, const cJSON *step, observation *o) {
    static const char *const names[] = {"top_k", "embedding_model", "strategy", NULL};
    char *json = options(step, names);
    aikit_bytes passages = {0};
    aikit_status status = aikit_collection_search(
        s->kernel, string(step, "collection"), AIKIT_TO_NUL, string(step, "query"), AIKIT_TO_NUL,
        json, AIKIT_TO_NUL, &passages, &o->error);
    free(json);
    return keep(status, &passages, &o->ok);
}

static aikit_status do_documents(scenario *s, const cJSON *step, observation *o) {
    aikit_bytes documents = {0};
    return keep(aikit_collection_documents(s->kernel, string(step, "collection"), AIKIT_TO_NUL,
                                           &documents, &o->error),
                &documents, &o->ok);
}

static aikit_status do_agent(scenario *s, const cJSON *step, observation *o) {
    static const char *const names[] = {"model", NULL};
    char *json = options(step, names);
    const cJSON *reference = cJSON_GetObjectItemCaseSensitive(step, "ref");
    aikit_status status;
    aikit_agent_free(&s->agent);
    if (reference != NULL) {
        status = aikit_agent_open(s->kernel, string(step, "ref"), AIKIT_TO_NUL, json, AIKIT_TO_NUL,
                                  &s->agent, &o->error);
    } else {
        status = need_spec(s, &o->error);
        if (status == AIKIT_OK)
            status = aikit_agent_new(s->kernel, s->spec, json, AIKIT_TO_NUL, &s->agent, &o->error);
    }
    free(json);
    if (status != AIKIT_OK) return status;
    aikit_bytes info = {0};
    return keep(aikit_agent_info(s->agent, &info, &o->error), &info, &o->ok);
}

static aikit_status do_run(scenario *s, const cJSON *step, observation *o) {
    char *json = options(step, run_options);
    text input = input_of(cJSON_GetObjectItemCaseSensitive(step, "input"));
    aikit_bytes result = {0};
    aikit_status status = aikit_agent_run(s->agent, input.data, input.len, json, AIKIT_TO_NUL,
                                          &result, &o->error);
    free(input.data);
    free(json);
    return keep(status, &result, &o->ok);
}

static aikit_status take_events(aikit_run run, const char *cancel_at, observation *o) {
    for (;;) {
        int32_t state = AIKIT_NEXT_PENDING;
        aikit_bytes event = {0};
        aikit_status status = aikit_run_next_event(run, -1, &state, &event, &o->error);
        if (status != AIKIT_OK || state != AIKIT_NEXT_EVENT) return status;
        add_text(&o->events, o->events.len == 0 ? "[" : ",");
        add(&o->events, event.data, event.len);
        if (cancel_at[0] != '\0') {
            cJSON *parsed = cJSON_Parse(event.data);
            if (strcmp(string(parsed, "type"), cancel_at) == 0) {
                cancel_at = "";
                status = aikit_run_cancel(run, &o->error);
            }
            cJSON_Delete(parsed);
        }
        aikit_bytes_free(&event);
        if (status != AIKIT_OK) return status;
    }
}

static aikit_status do_start(scenario *s, const cJSON *step, observation *o) {
    char *json = options(step, run_options);
    aikit_run run = 0;
    aikit_bytes result = {0};
    text input = input_of(cJSON_GetObjectItemCaseSensitive(step, "input"));
    aikit_status status = aikit_agent_start(s->agent, input.data, input.len, json, AIKIT_TO_NUL,
                                            &run, &o->error);
    free(input.data);
    free(json);
    if (status == AIKIT_OK) status = take_events(run, string(step, "cancel_at"), o);
    add_text(&o->events, o->events.len == 0 ? "[]" : "]");
    if (status == AIKIT_OK)
        status = keep(aikit_run_wait(run, -1, &result, &o->error), &result, &o->ok);
    aikit_run_free(&run);
    return status;
}

static aikit_status do_together(scenario *s, const cJSON *step, observation *o) {
    const cJSON *inputs = cJSON_GetObjectItemCaseSensitive(step, "inputs");
    int count = cJSON_GetArraySize(inputs);
    aikit_run *runs = calloc((size_t)count + 1, sizeof *runs);
    if (runs == NULL) abort();
    aikit_status status = AIKIT_OK;
    for (int i = 0; i < count && status == AIKIT_OK; i++) {
        text input = input_of(cJSON_GetArrayItem(inputs, i));
        status = aikit_agent_start(s->agent, input.data, input.len, NULL, 0, &runs[i], &o->error);
        free(input.data);
    }
    add_text(&o->ok, "[");
    for (int i = 0; i < count && status == AIKIT_OK; i++) {
        aikit_bytes result = {0};
        if (i > 0) add_text(&o->ok, ",");
        status = keep(aikit_run_wait(runs[i], -1, &result, &o->error), &result, &o->ok);
    }
    add_text(&o->ok, "]");
    for (int i = 0; i < count; i++) aikit_run_free(&runs[i]);
    free(runs);
    return status;
}

static aikit_status do_call_tool(scenario *s, const cJSON *step, observation *o) {
    const cJSON *arguments = cJSON_GetObjectItemCaseSensitive(step, "arguments");
    char *json = arguments != NULL ? cJSON_PrintUnformatted(arguments) : NULL;
    aikit_bytes result = {0};
    aikit_status status =
        aikit_tool_call(s->kernel, string(step, "name"), AIKIT_TO_NUL, json,
                        json != NULL ? AIKIT_TO_NUL : 0, &result, &o->error);
    free(json);
    return keep(status, &result, &o->ok);
}

static aikit_status do_run_events(scenario *s, const cJSON *step, observation *o) {
    aikit_bytes events = {0};
    return keep(aikit_kernel_run_events(s->kernel, string(step, "run_id"), AIKIT_TO_NUL, &events,
                                        &o->error),
                &events, &o->ok);
}

static aikit_status do_close(scenario *s, const cJSON *step, observation *o) {
    (void)step;
    aikit_status status = aikit_kernel_close(s->kernel, &o->error);
    if (status == AIKIT_OK) add_text(&o->ok, "null");
    return status;
}

static const step_row steps[] = {
    {"open", do_open},           {"ingest", do_ingest},         {"search", do_search},
    {"documents", do_documents}, {"agent", do_agent},           {"run", do_run},
    {"start", do_start},         {"together", do_together},     {"call_tool", do_call_tool},
    {"close", do_close},         {"run_events", do_run_events}, {NULL, NULL},
};

static void report(aikit_status status, const observation *o, text *out) {
    if (status == AIKIT_OK) {
        add_text(out, "{\"ok\":");
        add(out, o->ok.data, o->ok.len);
    } else {
        add_text(out, "{\"error\":");
        add_text(out, aikit_error_json(o->error));
    }
    if (o->events.len > 0) {
        add_text(out, ",\"events\":");
        add(out, o->events.data, o->events.len);
    }
    add_text(out, "}");
}

static const step_row *find(const step_row *row, const char *name) {
    while (row->name != NULL && strcmp(row->name, name) != 0) row++;
    return row->name != NULL ? row : NULL;
}

static int perform(scenario *s, const cJSON *step, text *out) {
    const char *name = string(step, "do");
    const step_row *row = find(steps, name);
    if (row == NULL) row = find(spec_steps, name);
    if (row == NULL) row = find(admin_steps, name);
    if (row == NULL) {
        fprintf(stderr, "adapter: no such step: %s\n", name);
        return 1;
    }
    observation o = {0};
    report(row->perform(s, step, &o), &o, out);
    aikit_error_free(&o.error);
    free(o.ok.data);
    free(o.events.data);
    return 0;
}

static cJSON *read_json(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    text content = {0};
    char part[4096];
    size_t got;
    while ((got = fread(part, 1, sizeof part, file)) > 0) add(&content, part, got);
    fclose(file);
    if (content.data != NULL) set_zeros_aside(content.data);
    cJSON *json = cJSON_ParseWithLength(content.data != NULL ? content.data : "", content.len);
    free(content.data);
    return json;
}

int main(int argc, char **argv) {
    cJSON *document = argc == 2 ? read_json(argv[1]) : NULL;
    if (document == NULL) {
        fprintf(stderr, "usage: adapter SCENARIO.json\n");
        return 2;
    }
    scenario s = {.document = document};
    text out = {0};
    int failed = 0;
    const cJSON *step;
    add_text(&out, "{\"observations\":[");
    cJSON_ArrayForEach(step, cJSON_GetObjectItemCaseSensitive(document, "steps")) {
        if (step->prev != NULL && step->prev->next == step) add_text(&out, ",");
        if (perform(&s, step, &out) != 0) failed = 1;
    }
    add_text(&out, "]}");
    puts(out.data);
    free(out.data);
    free(s.bundle.data);
    aikit_spec_free(&s.spec);
    aikit_agent_free(&s.agent);
    aikit_kernel_free(&s.kernel);
    aikit_admin_free(&s.admin);
    aikit_shutdown(2000);
    cJSON_Delete(document);
    return failed;
}
