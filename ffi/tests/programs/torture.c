/*
 * What a C program may do wrong, and all three ways to use a run. Exits with 1 and the line of the
 * first check that does not hold. Run under valgrind too, so everything is freed.
 *
 *     torture FOLDER          a folder to write in
 */
#include "checks.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

static const char spec_text[] =
    "identity: {agent_id: host}\n"
    "integration: {tools: [ask]}\n"
    "intelligence:\n"
    "  model: scripted/host\n"
    "  script:\n"
    "    - tool_calls: [{name: ask, arguments: {n: 1}}]\n"
    "    - text: the answer is {{tool.ask}}\n";

static const char slow_text[] =
    "identity: {agent_id: slow}\n"
    "intelligence: {model: scripted/slow, script: [{text: one two three, delay_ms: 600000}]}\n";

static int finalized;

static void count(void *user_data) { ++*(int *)user_data; }

static void answer(void *user_data, const char *arguments, size_t len, aikit_reply reply) {
    (void)user_data;
    CHECK(arguments[len] == '\0' && strcmp(arguments, "{\"n\":1}") == 0);
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_tool_reply_ok(reply, TEXT("not json"), &error));
    FAILS(AIKIT_INVALID_UTF8, aikit_tool_reply_ok(reply, TEXT("\"\xff\""), &error));
    WORKS(aikit_tool_reply_ok(reply, TEXT("42"), &error));
    FAILS(AIKIT_INVALID_HANDLE, aikit_tool_reply_ok(reply, TEXT("42"), &error));
    FAILS(AIKIT_INVALID_HANDLE, aikit_tool_reply_error(reply, TEXT("x"), NULL, 0, &error));
}

static const char tool[] = "{\"name\": \"ask\", \"parameters\": {\"type\": \"object\"}}";

static aikit_agent agent_of(aikit_kernel kernel, const char *text, size_t len) {
    aikit_spec spec = 0;
    aikit_agent agent = 0;
    WORKS(aikit_spec_parse(text, len, &spec, &error));
    WORKS(aikit_agent_new(kernel, spec, NULL, 0, &agent, &error));
    aikit_spec_free(&spec);
    return agent;
}

static void library(void) {
    CHECK(aikit_abi_version() == AIKIT_ABI_VERSION);
    CHECK(strcmp(aikit_version(), AIKIT_VERSION) == 0);
    CHECK(strcmp(aikit_status_name(AIKIT_OK), "ok") == 0);
    CHECK(strcmp(aikit_status_name(AIKIT_TURN_LIMIT), "turn_limit") == 0);
    CHECK(strcmp(aikit_status_name(-5), "unknown") == 0);
    CHECK(aikit_shutdown(0) == 0);
}

static void nulls(void) {
    aikit_error *none = NULL;
    CHECK(aikit_error_code(NULL) == NULL && aikit_error_message(NULL) == NULL);
    CHECK(aikit_error_path(NULL) == NULL && aikit_error_hint(NULL) == NULL);
    CHECK(aikit_error_cause(NULL) == NULL && aikit_error_json(NULL) == NULL);
    CHECK(aikit_error_number(NULL) == AIKIT_OK && !aikit_error_retryable(NULL));
    CHECK(aikit_error_line(NULL) == 0 && aikit_error_column(NULL) == 0);
    aikit_error_free(NULL);
    aikit_error_free(&none);
    aikit_bytes_free(NULL);
    aikit_kernel_free(NULL);
    aikit_spec_free(NULL);
    aikit_agent_free(NULL);
    aikit_run_free(NULL);

    aikit_kernel kernel = 0;
    int32_t number = 0;
    aikit_bytes out = {0};
    WORKS(aikit_kernel_open(NULL, 0, &kernel, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_kernel_open(NULL, 3, &kernel, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_kernel_open(NULL, AIKIT_TO_NUL, &kernel, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_kernel_open("{}", (size_t)-2, &kernel, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_kernel_open(NULL, 0, NULL, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_kernel_tenant(kernel, NULL, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_kernel_run_events(kernel, NULL, 1, &out, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_kernel_run_events(kernel, NULL, 0, NULL, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_spec_parse(NULL, 1, &kernel, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_spec_parse(TEXT("{}"), NULL, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_spec_read(NULL, 1, &kernel, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_spec_check(0, NULL, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_spec_json(0, NULL, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_spec_info(0, NULL, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_agent_info(0, NULL, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_run_wait(0, 0, NULL, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_run_fd(0, NULL, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_run_next_event(0, 0, NULL, &out, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_run_next_event(0, 0, &number, NULL, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_run_watch(0, NULL, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_tool_call(kernel, NULL, 1, NULL, 0, &out, &error));
    finalized = 0;
    FAILS(AIKIT_INVALID_ARGUMENT,
          aikit_tool_register(kernel, TEXT(tool), NULL, &finalized, count, &error));
    CHECK(finalized == 1);
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_model_register(kernel, TEXT("{\"name\": \"m\"}"), NULL,
                                                       &finalized, count, &error));
    FAILS(AIKIT_INVALID_HANDLE, aikit_model_register(0, TEXT("{\"name\": \"m\"}"), answer,
                                                     &finalized, count, &error));
    CHECK(finalized == 3);
    CHECK(aikit_error_http_status(NULL) == 0 && aikit_error_request_id(NULL) == NULL);
    CHECK(aikit_error_retry_after(NULL) < 0);
    CHECK(aikit_kernel_open(NULL, 3, &kernel, NULL) == AIKIT_INVALID_ARGUMENT);
    FAILS(AIKIT_INVALID_UTF8, aikit_spec_parse(TEXT("a: \xc3("), &kernel, &error));
    FAILS(AIKIT_INVALID_UTF8, aikit_collection_documents(kernel, TEXT("\xed\xa0\x80"), &out, &error));
    CHECK(kernel != 0 && out.data == NULL);
    aikit_kernel_free(&kernel);
    CHECK(kernel == 0);
}

static void handles(void) {
    aikit_kernel kernel = 0;
    aikit_spec spec = 0;
    aikit_bytes out = {0};
    WORKS(aikit_kernel_open(NULL, 0, &kernel, &error));
    WORKS(aikit_spec_parse(TEXT(spec_text), &spec, &error));
    aikit_spec freed = spec, wrong = kernel;
    const uint64_t forged[] = {0, 1, 42, UINT64_MAX, spec + 1, spec ^ (1ull << 40), 1ull << 63};
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        FAILS(AIKIT_INVALID_HANDLE, aikit_spec_json(forged[i], &out, &error));
        FAILS(AIKIT_INVALID_HANDLE, aikit_kernel_close(forged[i], &error));
        FAILS(AIKIT_INVALID_HANDLE, aikit_run_cancel(forged[i], &error));
        FAILS(AIKIT_INVALID_HANDLE, aikit_tool_reply_ok(forged[i], TEXT("1"), &error));
    }
    FAILS(AIKIT_INVALID_HANDLE, aikit_spec_json(kernel, &out, &error));
    FAILS(AIKIT_INVALID_HANDLE, aikit_kernel_close(spec, &error));
    FAILS(AIKIT_INVALID_HANDLE, aikit_run_wait(spec, 0, &out, &error));
    FAILS(AIKIT_INVALID_HANDLE, aikit_agent_run(spec, NULL, 0, NULL, 0, &out, &error));
    FAILS(AIKIT_INVALID_HANDLE, aikit_tool_reply_error(kernel, TEXT("x"), NULL, 0, &error));

    /* Freeing as the wrong kind leaves the object alone. */
    aikit_spec_free(&wrong);
    CHECK(wrong == 0);
    WORKS(aikit_kernel_tenant(kernel, &out, &error));
    CHECK(contains(&out, "default"));
    aikit_bytes_free(&out);
    CHECK(out.data == NULL && out.len == 0);

    /* A slot that is used again does not revive the handle from before. */
    aikit_spec_free(&spec);
    WORKS(aikit_spec_parse(TEXT(spec_text), &spec, &error));
    CHECK(spec != freed);
    FAILS(AIKIT_INVALID_HANDLE, aikit_spec_json(freed, &out, &error));
    aikit_spec_free(&freed);
    WORKS(aikit_spec_info(spec, &out, &error));
    CHECK(contains(&out, "\"agent_id\":\"host\""));
    aikit_bytes_free(&out);
    aikit_spec_free(&spec);
    aikit_kernel_free(&kernel);
}

static void errors(void) {
    aikit_spec spec = 0;
    aikit_error *error = NULL;
    CHECK(aikit_spec_parse(TEXT("identity: {agent_id: a}\nintelligence: {model: scripted/a, "
                                 "temperatur: 1, script: []}\n"),
                            &spec, &error) == AIKIT_SPEC_INVALID);
    CHECK(spec == 0);
    CHECK(aikit_error_line(error) == 2 && aikit_error_column(error) > 1);
    CHECK(aikit_error_path(error) != NULL && aikit_error_hint(error) != NULL);
    CHECK(strstr(aikit_error_json(error), "\"diagnostics\":[") != NULL);
    CHECK(!aikit_error_retryable(error) && aikit_error_cause(error) == NULL);
    aikit_error_free(&error);
    FAILS(AIKIT_FILE_NOT_FOUND, aikit_spec_read(TEXT("no/such.yaml"), &spec, &error));
}

static void waiting(aikit_kernel kernel) {
    aikit_agent agent = agent_of(kernel, TEXT(spec_text));
    aikit_run run = 0;
    aikit_bytes result = {0};
    WORKS(aikit_agent_run(agent, TEXT("?"), NULL, 0, &result, &error));
    CHECK(contains(&result, "the answer is 42"));
    aikit_bytes_free(&result);

    WORKS(aikit_agent_start(agent, TEXT("?"), TEXT("{\"run_id\": \"first\"}"), &run, &error));
    aikit_agent_free(&agent);
    WORKS(aikit_run_wait(run, -1, &result, &error));
    CHECK(contains(&result, "\"finished\""));
    aikit_bytes_free(&result);
    FAILS(AIKIT_RUN_ENDED, aikit_run_wait(run, -1, &result, &error));
    aikit_run_free(&run);
    WORKS(aikit_kernel_run_events(kernel, TEXT("first"), &result, &error));
    CHECK(contains(&result, "run_finished"));
    aikit_bytes_free(&result);

    WORKS(aikit_tool_call(kernel, TEXT("ask"), TEXT("{\"n\":1}"), &result, &error));
    CHECK(contains(&result, "42"));
    aikit_bytes_free(&result);
}

static void taking_behind_a_descriptor(aikit_kernel kernel) {
    aikit_agent agent = agent_of(kernel, TEXT(spec_text));
    aikit_run run = 0;
    aikit_bytes event = {0}, result = {0};
    int32_t state = AIKIT_NEXT_PENDING, events = 0, endings = 0;
    struct pollfd ready = {.events = POLLIN};
    WORKS(aikit_agent_start(agent, TEXT("?"), NULL, 0, &run, &error));
    WORKS(aikit_run_fd(run, &ready.fd, &error));
    while (state != AIKIT_NEXT_ENDED) {
        CHECK(poll(&ready, 1, 60000) == 1);
        do {
            WORKS(aikit_run_next_event(run, 0, &state, &event, &error));
            if (state == AIKIT_NEXT_EVENT) events++;
            if (contains(&event, "\"type\":\"run_finished\"")) endings++;
            CHECK((state == AIKIT_NEXT_EVENT) == (event.data != NULL));
            aikit_bytes_free(&event);
        } while (state == AIKIT_NEXT_EVENT);
    }
    CHECK(events > 8 && endings == 1);
    WORKS(aikit_run_next_event(run, 0, &state, &event, &error));
    CHECK(state == AIKIT_NEXT_ENDED);
    WORKS(aikit_run_wait(run, 0, &result, &error));
    aikit_bytes_free(&result);
    aikit_run_free(&run);
    aikit_agent_free(&agent);
}

static void *cancel_later(void *run) {
    usleep(100 * 1000);
    WORKS(aikit_run_cancel(*(aikit_run *)run, &error));
    return NULL;
}

static void cancelling(aikit_kernel kernel) {
    aikit_agent agent = agent_of(kernel, TEXT(slow_text));
    aikit_run run = 0;
    aikit_bytes result = {0};
    pthread_t other;
    WORKS(aikit_agent_start(agent, TEXT("?"), NULL, 0, &run, &error));
    FAILS(AIKIT_TIMEOUT, aikit_run_wait(run, 10, &result, &error));
    CHECK(pthread_create(&other, NULL, cancel_later, &run) == 0);
    WORKS(aikit_run_wait(run, 60000, &result, &error));
    CHECK(contains(&result, "\"cancelled\""));
    aikit_bytes_free(&result);
    CHECK(pthread_join(other, NULL) == 0);
    WORKS(aikit_run_cancel(run, &error));
    aikit_run_free(&run);

    /* Freed in the midst: cancelled. */
    WORKS(aikit_agent_start(agent, TEXT("?"), NULL, 0, &run, &error));
    aikit_run_free(&run);
    aikit_agent_free(&agent);
}

typedef struct {
    int events, ends, finals;
    aikit_status status;
    char order[8];
} seen;

/* Waits until a watcher's thread has counted so far; a minute at most. */
static void until(const int *count, int wanted) {
    for (int i = 0; i < 60 * 1000; i++) {
        if (__atomic_load_n(count, __ATOMIC_ACQUIRE) >= wanted) return;
        usleep(1000);
    }
    CHECK(!"in time");
}

static void on_event(void *user_data, const char *event, size_t len) {
    seen *s = user_data;
    CHECK(event[len] == '\0' && s->ends == 0);
    __atomic_add_fetch(&s->events, 1, __ATOMIC_ACQ_REL);
}

static void on_end(void *user_data, aikit_status status, const char *result, size_t len,
                   const aikit_error *error) {
    seen *s = user_data;
    CHECK((status == AIKIT_OK) == (result != NULL) && (status == AIKIT_OK) == (error == NULL));
    CHECK(status == AIKIT_OK ? result[len] == '\0' : aikit_error_number(error) == status);
    CHECK(s->finals == 0);
    s->status = status;
    __atomic_add_fetch(&s->ends, 1, __ATOMIC_ACQ_REL);
}

static void on_final(void *user_data) { ((seen *)user_data)->finals++; }

static void watching(aikit_kernel kernel) {
    seen s[4] = {{0}};
    aikit_run run[4] = {0};
    aikit_bytes out = {0};
    aikit_agent agent = agent_of(kernel, TEXT(spec_text)), slow = agent_of(kernel, TEXT(slow_text));
    aikit_run_callbacks callbacks = {sizeof callbacks, NULL, on_event, on_end, on_final};
    for (int i = 0; i < 4; i++) {
        aikit_agent whose = i < 2 ? agent : slow;
        const char *options = i == 1 ? "{\"max_turns\": 1}" : i == 3 ? "{\"bad\": 1}" : "";
        callbacks.user_data = &s[i];
        WORKS(aikit_agent_start(whose, TEXT("?"), options, AIKIT_TO_NUL, &run[i], &error));
        WORKS(aikit_run_watch(run[i], &callbacks, &error));
    }
    until(&s[0].ends, 1);
    until(&s[1].ends, 1);
    until(&s[2].events, 1);
    until(&s[3].ends, 1);
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_run_wait(run[2], 0, &out, &error));
    aikit_run_free(&run[2]);
    CHECK(aikit_shutdown(60000) == 0);
    CHECK(s[0].status == AIKIT_OK && s[0].events > 8);
    CHECK(s[1].status == AIKIT_TURN_LIMIT);
    CHECK(s[2].status == AIKIT_OK && s[2].events > 0);
    CHECK(s[3].status == AIKIT_INVALID_ARGUMENT && s[3].events == 0);
    for (int i = 0; i < 4; i++) {
        CHECK(s[i].ends == 1 && s[i].finals == 1);
        aikit_run_free(&run[i]);
    }
    seen refused = {0};
    callbacks.user_data = &refused;
    FAILS(AIKIT_INVALID_HANDLE, aikit_run_watch(12345, &callbacks, &error));
    CHECK(refused.finals == 1 && refused.ends == 0);
    callbacks.struct_size = 4;
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_run_watch(12345, &callbacks, &error));
    aikit_agent_free(&agent);
    aikit_agent_free(&slow);
}

static aikit_reply kept;

static void *answer_later(void *unused) {
    (void)unused;
    usleep(50 * 1000);
    WORKS(aikit_tool_reply_error(kept, TEXT("the drawer is stuck"), TEXT("a trace"), &error));
    return NULL;
}

static pthread_t answerer;

static void keep_and_answer(void *user_data, const char *arguments, size_t len, aikit_reply reply) {
    (void)user_data, (void)arguments, (void)len;
    kept = reply;
    CHECK(pthread_create(&answerer, NULL, answer_later, NULL) == 0);
}

static void keep(void *user_data, const char *arguments, size_t len, aikit_reply reply) {
    (void)user_data, (void)arguments, (void)len;
    kept = reply;
}

static void replies(void) {
    aikit_kernel kernel = 0;
    aikit_bytes out = {0};
    finalized = 0;
    WORKS(aikit_kernel_open(NULL, 0, &kernel, &error));
    WORKS(aikit_tool_register(kernel, TEXT("{\"name\": \"later\"}"), keep_and_answer, &finalized,
                              count, &error));
    WORKS(aikit_tool_register(kernel, TEXT("{\"name\": \"never\", \"timeout_ms\": 50}"), keep,
                              &finalized, count, &error));
    FAILS(AIKIT_TOOL_EXISTS, aikit_tool_register(kernel, TEXT("{\"name\": \"never\"}"), keep,
                                                 &finalized, count, &error));
    CHECK(finalized == 1);
    FAILS(AIKIT_TOOL_FAILED, aikit_tool_call(kernel, TEXT("later"), NULL, 0, &out, &error));
    CHECK(pthread_join(answerer, NULL) == 0);
    FAILS(AIKIT_TOOL_TIMEOUT, aikit_tool_call(kernel, TEXT("never"), NULL, 0, &out, &error));
    FAILS(AIKIT_INVALID_HANDLE, aikit_tool_reply_ok(kept, TEXT("1"), &error));
    FAILS(AIKIT_TOOL_UNKNOWN, aikit_tool_call(kernel, TEXT("nobody"), NULL, 0, &out, &error));
    CHECK(finalized == 1);
    aikit_kernel_free(&kernel);
    CHECK(finalized == 3);
}

static void documents(const char *folder) {
    char path[4096], options[4200];
    aikit_kernel kernel = 0;
    aikit_bytes out = {0};
    snprintf(path, sizeof path, "%s/notes.md", folder);
    snprintf(options, sizeof options, "{\"location\": \"%s/store.db\", \"tenant\": \"acme\"}", folder);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs("# Tea\n\nSteep the tea for four minutes.\n", file) >= 0);
    CHECK(fclose(file) == 0);
    WORKS(aikit_kernel_open(options, AIKIT_TO_NUL, &kernel, &error));
    WORKS(aikit_collection_ingest(kernel, TEXT("notes"), path, AIKIT_TO_NUL, NULL, 0, &out, &error));
    CHECK(contains(&out, "\"added\":1"));
    aikit_bytes_free(&out);
    WORKS(aikit_collection_search(kernel, TEXT("notes"), TEXT("tea minutes"), TEXT("{\"top_k\": 1}"),
                                  &out, &error));
    CHECK(contains(&out, "four minutes"));
    aikit_bytes_free(&out);
    WORKS(aikit_collection_documents(kernel, TEXT("notes"), &out, &error));
    CHECK(contains(&out, "notes.md"));
    aikit_bytes_free(&out);
    WORKS(aikit_kernel_close(kernel, &error));
    WORKS(aikit_kernel_close(kernel, &error));
    FAILS(AIKIT_CLOSED, aikit_collection_documents(kernel, TEXT("notes"), &out, &error));
    aikit_kernel_free(&kernel);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    aikit_kernel kernel = 0;
    int tools_finalized = 0;
    library();
    nulls();
    handles();
    errors();
    WORKS(aikit_kernel_open(NULL, 0, &kernel, &error));
    WORKS(aikit_tool_register(kernel, TEXT(tool), answer, &tools_finalized, count, &error));
    waiting(kernel);
    taking_behind_a_descriptor(kernel);
    cancelling(kernel);
    watching(kernel);
    CHECK(tools_finalized == 0);
    aikit_kernel_free(&kernel);
    CHECK(tools_finalized == 1);
    replies();
    documents(argv[1]);
    CHECK(aikit_shutdown(60000) == 0);
    puts("all checks hold");
    return 0;
}
