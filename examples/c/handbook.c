/*
 * An assistant that answers from a company's handbook and calls a tool of this program's.
 *
 *     handbook [SPEC [DOCUMENTS [QUESTION]]] [--json]
 *     AIKIT_MODEL=openai/gpt-4o-mini handbook        with a real model instead of the spec's
 *
 * Built by scripts/build-c.sh. Started from the root of the repository it needs no arguments. aikit
 * speaks JSON; cJSON reads it here. With --json the last line reports what happened, for `make demo`.
 */
#include <aikit.h>
#include <cjson/cJSON.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const leave_balance_definition =
    "{\"name\": \"leave_balance\","
    " \"description\": \"Days of annual leave that an employee has left this year.\","
    " \"parameters\": {\"type\": \"object\","
    "   \"properties\": {\"employee\": {\"type\": \"string\", \"description\": \"login name\"}},"
    "   \"required\": [\"employee\"], \"additionalProperties\": false}}";

/* Days of leave that an employee has left. A real program would ask its database. */
static void leave_balance(void *user_data, const char *arguments, size_t len, aikit_reply reply) {
    (void)user_data;
    /* The arguments fit the schema: aikit has checked them. */
    cJSON *answer = cJSON_ParseWithLength(arguments, len);
    cJSON_AddNumberToObject(answer, "days", 12);
    char *json = cJSON_PrintUnformatted(answer);
    aikit_tool_reply_ok(reply, json, AIKIT_TO_NUL, NULL);
    free(json);
    cJSON_Delete(answer);
}

static const char *string(const cJSON *object, const char *name) {
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return value != NULL ? value : "";
}

static void show_event(const char *json) {
    cJSON *event = cJSON_Parse(json);
    const char *type = string(event, "type");
    if (strcmp(type, "text_delta") == 0) {
        fputs(string(event, "text"), stdout);
        fflush(stdout);
    } else if (strcmp(type, "tool_finished") == 0) {
        const cJSON *error = cJSON_GetObjectItemCaseSensitive(event, "error");
        char *result = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(event, "result"));
        if (error != NULL) {
            printf("\n  [%s failed: %s]\n", string(event, "name"), string(error, "message"));
        } else {
            printf("\n  [%s gave %s]\n", string(event, "name"), result != NULL ? result : "null");
        }
        free(result);
    }
    cJSON_Delete(event);
}

static void show_result(const cJSON *result) {
    const cJSON *usage = cJSON_GetObjectItemCaseSensitive(result, "usage");
    const cJSON *citation;
    printf("\n\n");
    cJSON_ArrayForEach(citation, cJSON_GetObjectItemCaseSensitive(result, "citations")) {
        printf("  %s %s (line %.0f)\n", string(citation, "marker"), string(citation, "source"),
               cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(citation, "start_line")));
    }
    printf("  %.0f tokens, %.0f model calls\n",
           cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(usage, "total_tokens")),
           cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(result, "turns")));
}

static void print_report(const cJSON *result, int events, double run_ms) {
    const cJSON *citations = cJSON_GetObjectItemCaseSensitive(result, "citations");
    cJSON *report = cJSON_CreateObject();
    cJSON_AddStringToObject(report, "language", "C");
    cJSON_AddStringToObject(report, "answer", string(result, "text"));
    cJSON_AddNumberToObject(report, "events", events);
    cJSON_AddNumberToObject(report, "run_ms", run_ms);
    cJSON_AddNumberToObject(report, "citations", cJSON_GetArraySize(citations));
    char *json = cJSON_PrintUnformatted(report);
    puts(json);
    free(json);
    cJSON_Delete(report);
}

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000.0 + (double)now.tv_nsec / 1e6;
}

/* What was given on the command line, and all that main has to free. */
typedef struct {
    const char *spec, *documents, *question;
    int json;
    aikit_kernel kernel;
    aikit_agent agent;
    aikit_run run;
    aikit_bytes report, result;
} program;

static aikit_status prepare(program *p, aikit_error **error) {
    aikit_status status = aikit_kernel_open(NULL, 0, &p->kernel, error);
    if (status != AIKIT_OK) return status;
    status = aikit_tool_register(p->kernel, leave_balance_definition, AIKIT_TO_NUL, leave_balance,
                                 NULL, NULL, error);
    if (status != AIKIT_OK) return status;
    status = aikit_collection_ingest(p->kernel, "handbook", AIKIT_TO_NUL, p->documents,
                                     AIKIT_TO_NUL, NULL, 0, &p->report, error);
    if (status != AIKIT_OK) return status;

    cJSON *options = cJSON_CreateObject();
    const char *model = getenv("AIKIT_MODEL");
    if (model != NULL) cJSON_AddStringToObject(options, "model", model);
    char *json = cJSON_PrintUnformatted(options);
    status = aikit_agent_read(p->kernel, p->spec, AIKIT_TO_NUL, json, AIKIT_TO_NUL, &p->agent, error);
    free(json);
    cJSON_Delete(options);
    return status;
}

static aikit_status ask(program *p, aikit_error **error) {
    int events = 0;
    double started = now_ms();
    printf("> %s\n\n", p->question);
    aikit_status status =
        aikit_agent_start(p->agent, p->question, AIKIT_TO_NUL, NULL, 0, &p->run, error);
    while (status == AIKIT_OK) {
        int32_t state = AIKIT_NEXT_PENDING;
        aikit_bytes event = {0};
        status = aikit_run_next_event(p->run, -1, &state, &event, error);
        if (status != AIKIT_OK || state != AIKIT_NEXT_EVENT) break;
        events++;
        show_event(event.data);
        aikit_bytes_free(&event);
    }
    if (status != AIKIT_OK) return status;
    status = aikit_run_wait(p->run, -1, &p->result, error);
    if (status != AIKIT_OK) return status;

    double run_ms = now_ms() - started;
    cJSON *result = cJSON_Parse(p->result.data);
    show_result(result);
    if (p->json) print_report(result, events, run_ms);
    cJSON_Delete(result);
    return AIKIT_OK;
}

int main(int argc, char **argv) {
    program p = {
        .spec = "examples/specs/handbook.yaml",
        .documents = "examples/handbook",
        .question = "How many days of leave do I have left, and how many may I carry over?",
    };
    const char **places[] = {&p.spec, &p.documents, &p.question};
    size_t given = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            p.json = 1;
        } else if (given < sizeof places / sizeof places[0]) {
            *places[given++] = argv[i];
        }
    }

    aikit_error *error = NULL;
    aikit_status status = prepare(&p, &error);
    if (status == AIKIT_OK) status = ask(&p, &error);
    if (status != AIKIT_OK) {
        const char *hint = aikit_error_hint(error);
        fprintf(stderr, "%s: %s\n", aikit_error_code(error), aikit_error_message(error));
        if (hint != NULL) fprintf(stderr, "  %s\n", hint);
    }

    /* None of these needs a check: what was never made is 0 or NULL. */
    aikit_error_free(&error);
    aikit_bytes_free(&p.result);
    aikit_bytes_free(&p.report);
    aikit_run_free(&p.run);
    aikit_agent_free(&p.agent);
    aikit_kernel_close(p.kernel, NULL);
    aikit_kernel_free(&p.kernel);
    aikit_shutdown(2000);
    return status == AIKIT_OK ? 0 : 1;
}
