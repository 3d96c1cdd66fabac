/*
 * Specs from C: their texts, the repository and its refusals, agents by reference, and what a program
 * may do wrong with each function. Exits with 1 and the line of the first check that does not hold.
 * Run under valgrind too, so everything is freed.
 *
 *     specs FOLDER            a folder to write in
 */
#include "checks.h"

#include <pthread.h>

static const char first[] =
    "# who answers\n"
    "identity: {agent_id: desk, version: 1.0.0, name: 'Desk of {{ tenant_id }}', tags: [help]}\n"
    "interface:\n"
    "  input_schema: {type: object, properties: {city: {type: string}}, required: [city]}\n"
    "intelligence:\n"
    "  model: scripted/desk\n"
    "  temperature: 0.2\n"
    "  system_prompt: 'You work in {{ inputs.city }}.'\n"
    "  script: [{text: the first}]\n";

static const char second[] =
    "agent: desk\n"
    "version: 2.0.0\n"
    "model: scripted/desk\n"
    "script: [{text: the second}]\n";

static const char broken[] = "agent: desk\nmodel: scripted/desk\nscript: []\ntemperatur: 1\n";

static aikit_spec parse(const char *source) {
    aikit_spec spec = 0;
    WORKS(aikit_spec_parse(source, AIKIT_TO_NUL, &spec, &error));
    return spec;
}

static void save(aikit_kernel kernel, const char *source) {
    aikit_spec spec = parse(source);
    GIVES("\"status\":\"draft\"", aikit_specs_save(kernel, spec, NULL, 0, &out, &error));
    aikit_spec_free(&spec);
}

/* Places to write to that are NULL, and texts that are NULL and have a length. */
static void nulls(void) {
    aikit_kernel k = open_kernel("");
    aikit_spec s = parse(first), made = 0;
    aikit_agent agent = 0;
    aikit_bytes out = {0};
    const aikit_status wrong = AIKIT_INVALID_ARGUMENT;
    FAILS(wrong, aikit_spec_parse_in(TEXT("{}"), NULL, 0, NULL, &error));
    FAILS(wrong, aikit_spec_parse_in(NULL, 1, NULL, 0, &made, &error));
    FAILS(wrong, aikit_spec_parse_in(TEXT(first), NULL, 1, &made, &error));
    FAILS(wrong, aikit_spec_diagnose(TEXT(first), NULL, 0, NULL, &error));
    FAILS(wrong, aikit_spec_diagnose(NULL, 1, NULL, 0, &out, &error));
    FAILS(wrong, aikit_spec_diagnose(TEXT(first), NULL, 1, &out, &error));
    FAILS(wrong, aikit_spec_render(s, TEXT("yaml"), NULL, &error));
    FAILS(wrong, aikit_spec_render(s, NULL, 1, &out, &error));
    FAILS(wrong, aikit_spec_diff(s, s, NULL, &error));
    FAILS(wrong, aikit_spec_edit(TEXT(first), TEXT("/version"), TEXT("1"), NULL, &error));
    FAILS(wrong, aikit_spec_edit(NULL, 1, TEXT("/version"), TEXT("1"), &out, &error));
    FAILS(wrong, aikit_spec_edit(TEXT(first), NULL, 1, TEXT("1"), &out, &error));
    FAILS(wrong, aikit_spec_edit(TEXT(first), TEXT("/version"), NULL, 1, &out, &error));
    FAILS(wrong, aikit_spec_import(TEXT("{}"), NULL, 0, NULL, &error));
    FAILS(wrong, aikit_spec_import(NULL, 1, NULL, 0, &out, &error));
    FAILS(wrong, aikit_spec_import(TEXT("{}"), NULL, 1, &out, &error));
    FAILS(wrong, aikit_spec_schema(NULL, &error));
    FAILS(wrong, aikit_kernel_check(k, s, NULL, &error));
    FAILS(wrong, aikit_agent_open(k, TEXT("desk"), NULL, 0, NULL, &error));
    FAILS(wrong, aikit_agent_open(k, NULL, 1, NULL, 0, &agent, &error));
    FAILS(wrong, aikit_agent_open(k, TEXT("desk"), NULL, 1, &agent, &error));
    FAILS(wrong, aikit_specs_save(k, s, NULL, 0, NULL, &error));
    FAILS(wrong, aikit_specs_save(k, s, NULL, 1, &out, &error));
    FAILS(wrong, aikit_specs_get(k, TEXT("desk"), NULL, &error));
    FAILS(wrong, aikit_specs_get(k, NULL, 1, &out, &error));
    FAILS(wrong, aikit_specs_load(k, TEXT("desk"), NULL, &error));
    FAILS(wrong, aikit_specs_load(k, NULL, 1, &made, &error));
    FAILS(wrong, aikit_specs_list(k, NULL, 0, NULL, &error));
    FAILS(wrong, aikit_specs_list(k, NULL, 1, &out, &error));
    FAILS(wrong, aikit_specs_history(k, TEXT("desk"), NULL, &error));
    FAILS(wrong, aikit_specs_history(k, NULL, 1, &out, &error));
    FAILS(wrong, aikit_specs_diff(k, TEXT("desk"), TEXT("desk"), NULL, &error));
    FAILS(wrong, aikit_specs_diff(k, NULL, 1, TEXT("desk"), &out, &error));
    FAILS(wrong, aikit_specs_diff(k, TEXT("desk"), NULL, 1, &out, &error));
    FAILS(wrong, aikit_specs_promote(k, TEXT("desk@1.0.0"), NULL, 0, NULL, &error));
    FAILS(wrong, aikit_specs_promote(k, NULL, 1, NULL, 0, &out, &error));
    FAILS(wrong, aikit_specs_promote(k, TEXT("desk@1.0.0"), NULL, 1, &out, &error));
    FAILS(wrong, aikit_specs_deprecate(k, TEXT("desk@1.0.0"), NULL, 0, NULL, &error));
    FAILS(wrong, aikit_specs_deprecate(k, NULL, 1, NULL, 0, &out, &error));
    FAILS(wrong, aikit_specs_deprecate(k, TEXT("desk@1.0.0"), NULL, 1, &out, &error));
    FAILS(wrong, aikit_specs_retire(k, TEXT("desk@1.0.0"), NULL, 0, NULL, &error));
    FAILS(wrong, aikit_specs_retire(k, NULL, 1, NULL, 0, &out, &error));
    FAILS(wrong, aikit_specs_retire(k, TEXT("desk@1.0.0"), NULL, 1, &out, &error));
    FAILS(wrong, aikit_specs_delete(k, NULL, 1, NULL, 0, &error));
    FAILS(wrong, aikit_specs_delete(k, TEXT("desk@1.0.0"), NULL, 1, &error));
    FAILS(wrong, aikit_specs_export(k, NULL, 0, NULL, &error));
    FAILS(wrong, aikit_specs_export(k, NULL, 1, &out, &error));
    FAILS(wrong, aikit_specs_import(k, TEXT("{}"), NULL, 0, NULL, &error));
    FAILS(wrong, aikit_specs_import(k, NULL, 1, NULL, 0, &out, &error));
    FAILS(wrong, aikit_specs_import(k, TEXT("{}"), NULL, 1, &out, &error));
    CHECK(made == 0 && agent == 0 && out.data == NULL);
    aikit_spec_free(&s);
    aikit_kernel_free(&k);
}

static void handles(void) {
    aikit_kernel kernel = open_kernel(""), freed = open_kernel("");
    aikit_spec s = parse(first), made = 0;
    aikit_agent agent = 0;
    aikit_bytes out = {0};
    const aikit_status none = AIKIT_INVALID_HANDLE;
    uint64_t forged[] = {0, 42, UINT64_MAX, freed, s};
    aikit_kernel_free(&freed);
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        uint64_t k = forged[i];
        FAILS(none, aikit_kernel_check(k, s, &out, &error));
        FAILS(none, aikit_agent_open(k, TEXT("desk"), NULL, 0, &agent, &error));
        FAILS(none, aikit_specs_save(k, s, NULL, 0, &out, &error));
        FAILS(none, aikit_specs_get(k, TEXT("desk"), &out, &error));
        FAILS(none, aikit_specs_load(k, TEXT("desk"), &made, &error));
        FAILS(none, aikit_specs_list(k, NULL, 0, &out, &error));
        FAILS(none, aikit_specs_history(k, TEXT("desk"), &out, &error));
        FAILS(none, aikit_specs_diff(k, TEXT("desk"), TEXT("desk"), &out, &error));
        FAILS(none, aikit_specs_promote(k, TEXT("desk@1.0.0"), NULL, 0, &out, &error));
        FAILS(none, aikit_specs_deprecate(k, TEXT("desk@1.0.0"), NULL, 0, &out, &error));
        FAILS(none, aikit_specs_retire(k, TEXT("desk@1.0.0"), NULL, 0, &out, &error));
        FAILS(none, aikit_specs_delete(k, TEXT("desk@1.0.0"), NULL, 0, &error));
        FAILS(none, aikit_specs_export(k, NULL, 0, &out, &error));
        FAILS(none, aikit_specs_import(k, TEXT("{}"), NULL, 0, &out, &error));
    }
    forged[4] = kernel;
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        FAILS(none, aikit_spec_render(forged[i], TEXT("yaml"), &out, &error));
        FAILS(none, aikit_spec_diff(forged[i], s, &out, &error));
        FAILS(none, aikit_spec_diff(s, forged[i], &out, &error));
        FAILS(none, aikit_kernel_check(kernel, forged[i], &out, &error));
        FAILS(none, aikit_specs_save(kernel, forged[i], NULL, 0, &out, &error));
    }
    CHECK(made == 0 && agent == 0 && out.data == NULL);
    aikit_spec_free(&s);
    aikit_kernel_free(&kernel);
}

static void texts(const char *folder) {
    char path[4096], options[4200];
    aikit_spec spec = 0, other = 0;
    aikit_bytes one = {0};
    snprintf(path, sizeof path, "%s/ground.yaml", folder);
    snprintf(options, sizeof options, "{\"base\": \"%s\"}", folder);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs("model: scripted/ground\nscript: [{text: hm}]\n", file) >= 0);
    CHECK(fclose(file) == 0);

    /* A text with a folder, and without. */
    static const char top[] = "agent: top\nextends: ground.yaml\n";
    WORKS(aikit_spec_parse_in(TEXT(top), folder, AIKIT_TO_NUL, &spec, &error));
    GIVES("scripted/ground", aikit_spec_info(spec, &out, &error));
    aikit_spec_free(&spec);
    FAILS(AIKIT_SPEC_INVALID, aikit_spec_parse_in(TEXT(top), NULL, 0, &spec, &error));
    FAILS(AIKIT_SPEC_INVALID, aikit_spec_parse(TEXT(top), &spec, &error));
    FAILS(AIKIT_SPEC_INVALID, aikit_spec_parse_in(TEXT(top), TEXT("no/such"), &spec, &error));
    FAILS(AIKIT_INVALID_UTF8, aikit_spec_parse_in(TEXT(top), TEXT("\xff"), &spec, &error));
    CHECK(spec == 0);

    /* What is said of a text, in three forms. */
    IS("[]", aikit_spec_diagnose(TEXT(top), options, AIKIT_TO_NUL, &out, &error));
    GIVES("\"AK1025\"", aikit_spec_diagnose(TEXT(top), NULL, 0, &out, &error));
    GIVES("\"line\":4", aikit_spec_diagnose(TEXT(broken), NULL, 0, &out, &error));
    GIVES("\"range\"",
          aikit_spec_diagnose(TEXT(broken), TEXT("{\"format\": \"lsp\"}"), &out, &error));
    WORKS(aikit_spec_diagnose(TEXT(broken), TEXT("{\"format\": \"text\", \"file\": \"a.yaml\"}"),
                              &one, &error));
    CHECK(one.data[0] != '"' && contains(&one, "a.yaml:4:1") && contains(&one, "\n"));
    aikit_bytes_free(&one);
    WORKS(aikit_spec_diagnose(TEXT(second), TEXT("{\"format\": \"text\"}"), &one, &error));
    CHECK(one.data != NULL && one.len == 0);
    aikit_bytes_free(&one);
    FAILS(AIKIT_INVALID_ARGUMENT,
          aikit_spec_diagnose(TEXT("{}"), TEXT("{\"form\": 1}"), &one, &error));
    FAILS(AIKIT_INVALID_ARGUMENT,
          aikit_spec_diagnose(TEXT("{}"), TEXT("{\"format\": \"html\"}"), &one, &error));
    FAILS(AIKIT_INVALID_UTF8, aikit_spec_diagnose(TEXT("\xff"), NULL, 0, &one, &error));

    /* One value set, the comment kept. */
    WORKS(aikit_spec_edit(TEXT(first), TEXT("/intelligence/temperature"), TEXT("0.5"), &one, &error));
    CHECK(contains(&one, "# who answers") && contains(&one, "temperature: 0.5"));
    other = parse(one.data);
    aikit_bytes_free(&one);
    FAILS(AIKIT_INVALID_ARGUMENT,
          aikit_spec_edit(TEXT(first), TEXT("version"), TEXT("1"), &one, &error));
    FAILS(AIKIT_INVALID_ARGUMENT,
          aikit_spec_edit(TEXT(first), TEXT("/version"), TEXT("{"), &one, &error));
    FAILS(AIKIT_INVALID_ARGUMENT,
          aikit_spec_edit(TEXT(first), TEXT("/version"), NULL, 0, &one, &error));
    FAILS(AIKIT_SPEC_INVALID,
          aikit_spec_edit(TEXT(broken), TEXT("/version"), TEXT("1"), &one, &error));

    /* Comparing and writing out. */
    spec = parse(first);
    GIVES("\"path\":\"/intelligence/temperature\"", aikit_spec_diff(spec, other, &out, &error));
    GIVES("\"after\":0.5", aikit_spec_diff(spec, other, &out, &error));
    IS("[]", aikit_spec_diff(spec, spec, &out, &error));
    GIVES("\"hash\":\"sha256:", aikit_spec_info(spec, &out, &error));
    GIVES("# who answers", aikit_spec_info(spec, &out, &error));
    aikit_spec_free(&other);
    static const char *const same[] = {"yaml", "json"};
    for (int i = 0; i < 2; i++) {
        WORKS(aikit_spec_render(spec, same[i], AIKIT_TO_NUL, &one, &error));
        CHECK(!contains(&one, "# who answers"));
        other = parse(one.data);
        aikit_bytes_free(&one);
        IS("[]", aikit_spec_diff(spec, other, &out, &error));
        aikit_spec_free(&other);
    }
    GIVES("\"desk\"", aikit_spec_render(spec, TEXT("oracle"), &out, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_spec_render(spec, TEXT("YAML"), &one, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_spec_render(spec, NULL, 0, &one, &error));
    aikit_spec_free(&spec);

    /* Neighbours, and the schema. */
    static const char crew[] = "writer:\n  role: Writer\n  goal: Write\n  backstory: You write.\n";
    GIVES("\"format\":\"crewai\"",
          aikit_spec_import(TEXT(crew), TEXT("{\"from\": \"crewai\"}"), &out, &error));
    FAILS(AIKIT_INVALID_ARGUMENT,
          aikit_spec_import(TEXT(crew), TEXT("{\"from\": \"nobody\"}"), &one, &error));
    FAILS(AIKIT_INVALID_ARGUMENT,
          aikit_spec_import(TEXT(crew), TEXT("{\"bad\": 1}"), &one, &error));
    GIVES("\"$schema\"", aikit_spec_schema(&out, &error));
    CHECK(one.data == NULL);
}

static void life_of_a_version(void) {
    aikit_kernel kernel = open_kernel("{\"actor\": \"ann\"}");
    aikit_bytes out = {0};
    aikit_spec spec = parse(first), loaded = 0;
    GIVES("\"created_by\":\"ann\"", aikit_specs_save(kernel, spec, NULL, 0, &out, &error));
    FAILS(AIKIT_SPEC_CONFLICT, aikit_specs_save(kernel, spec, NULL, 0, &out, &error));
    FAILS(AIKIT_INVALID_ARGUMENT,
          aikit_specs_save(kernel, spec, TEXT("{\"who\": 1}"), &out, &error));
    FAILS(AIKIT_SPEC_NOT_FOUND, aikit_specs_get(kernel, TEXT("desk"), &out, &error));
    GIVES("\"version\":\"1.0.0\"", aikit_specs_get(kernel, TEXT("desk@1.0.0"), &out, &error));
    FAILS(AIKIT_SPEC_STATE, aikit_specs_retire(kernel, TEXT("desk@1.0.0"), NULL, 0, &out, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_specs_promote(kernel, TEXT("desk"), NULL, 0, &out, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_specs_get(kernel, NULL, 0, &out, &error));
    GIVES("\"status\":\"active\"",
          aikit_specs_promote(kernel, TEXT("desk@1.0.0"), TEXT("{\"why\": \"ready\"}"), &out,
                              &error));
    FAILS(AIKIT_SPEC_IMMUTABLE, aikit_specs_save(kernel, spec, NULL, 0, &out, &error));
    FAILS(AIKIT_SPEC_IMMUTABLE, aikit_specs_delete(kernel, TEXT("desk@1.0.0"), NULL, 0, &error));
    WORKS(aikit_specs_load(kernel, TEXT("desk"), &loaded, &error));
    IS("[]", aikit_spec_diff(spec, loaded, &out, &error));
    aikit_spec_free(&loaded);
    aikit_spec_free(&spec);

    save(kernel, second);
    GIVES("the second",
          aikit_specs_diff(kernel, TEXT("desk@1.0.0"), TEXT("desk@2.0.0"), &out, &error));
    FAILS(AIKIT_SPEC_NOT_FOUND,
          aikit_specs_diff(kernel, TEXT("desk"), TEXT("desk@3.0.0"), &out, &error));
    GIVES("\"status\":\"active\"",
          aikit_specs_promote(kernel, TEXT("desk@2.0.0"), NULL, 0, &out, &error));
    GIVES("\"successor\":\"desk@2.0.0\"",
          aikit_specs_get(kernel, TEXT("desk@1.0.0"), &out, &error));
    GIVES("\"sunset\":\"2030-01-01\"",
          aikit_specs_deprecate(kernel, TEXT("desk@2.0.0"), TEXT("{\"sunset\": \"2030-01-01\"}"),
                                &out, &error));
    GIVES("\"status\":\"retired\"",
          aikit_specs_retire(kernel, TEXT("desk@1.0.0"), NULL, 0, &out, &error));
    FAILS(AIKIT_SPEC_RETIRED, aikit_specs_load(kernel, TEXT("desk@1.0.0"), &loaded, &error));
    GIVES("\"change\":\"retired\"", aikit_specs_history(kernel, TEXT("desk"), &out, &error));
    FAILS(AIKIT_SPEC_NOT_FOUND, aikit_specs_history(kernel, TEXT("nobody"), &out, &error));
    GIVES("\"next\":\"", aikit_specs_list(kernel, TEXT("{\"limit\": 1}"), &out, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_specs_list(kernel, TEXT("{\"limit\": 0}"), &out, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_specs_list(kernel, TEXT("[]"), &out, &error));

    save(kernel, "agent: gone\nmodel: scripted/gone\nscript: []\n");
    WORKS(aikit_specs_delete(kernel, TEXT("gone@0.1.0"), NULL, 0, &error));
    FAILS(AIKIT_SPEC_NOT_FOUND, aikit_specs_get(kernel, TEXT("gone@0.1.0"), &out, &error));

    /* From here to another repository. */
    aikit_kernel other = open_kernel("");
    aikit_bytes bundle = {0};
    WORKS(aikit_specs_export(kernel, NULL, 0, &bundle, &error));
    CHECK(contains(&bundle, "aikit-specs/1"));
    FAILS(AIKIT_SPEC_CONFLICT,
          aikit_specs_import(kernel, bundle.data, bundle.len, NULL, 0, &out, &error));
    GIVES("\"imported\":[]",
          aikit_specs_import(kernel, bundle.data, bundle.len, TEXT("{\"on_conflict\": \"skip\"}"),
                             &out, &error));
    GIVES("desk@2.0.0", aikit_specs_import(other, bundle.data, bundle.len, NULL, 0, &out, &error));
    GIVES("\"why\":\"ready\"", aikit_specs_history(other, TEXT("desk"), &out, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_specs_import(other, TEXT("{}"), NULL, 0, &out, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_specs_import(other, NULL, 0, NULL, 0, &out, &error));
    aikit_bytes_free(&bundle);
    aikit_kernel_free(&other);

    spec = parse(first);
    WORKS(aikit_kernel_close(kernel, &error));
    FAILS(AIKIT_CLOSED, aikit_kernel_check(kernel, spec, &out, &error));
    FAILS(AIKIT_CLOSED, aikit_specs_save(kernel, spec, NULL, 0, &out, &error));
    FAILS(AIKIT_CLOSED, aikit_specs_get(kernel, TEXT("desk"), &out, &error));
    FAILS(AIKIT_CLOSED, aikit_specs_load(kernel, TEXT("desk"), &loaded, &error));
    FAILS(AIKIT_CLOSED, aikit_specs_list(kernel, NULL, 0, &out, &error));
    FAILS(AIKIT_CLOSED, aikit_specs_delete(kernel, TEXT("desk@1.0.0"), NULL, 0, &error));
    FAILS(AIKIT_CLOSED, aikit_agent_open(kernel, TEXT("desk"), NULL, 0, &loaded, &error));
    CHECK(loaded == 0 && out.data == NULL);
    aikit_spec_free(&spec);
    aikit_kernel_free(&kernel);
}

static void agents(const char *folder) {
    char path[4096];
    aikit_kernel kernel = open_kernel("{\"default_model\": \"scripted/usual\","
                                      " \"policy\": {\"denied_tools\": [\"calculator\"]}}");
    aikit_agent agent = 0, later = 0;
    aikit_bytes out = {0};
    save(kernel, first);
    save(kernel, second);
    FAILS(AIKIT_SPEC_NOT_FOUND, aikit_agent_open(kernel, TEXT("desk"), NULL, 0, &agent, &error));
    WORKS(aikit_specs_promote(kernel, TEXT("desk@1.0.0"), NULL, 0, &out, &error));
    aikit_bytes_free(&out);
    WORKS(aikit_agent_open(kernel, TEXT("desk"), NULL, 0, &agent, &error));
    GIVES("\"name\":\"Desk of default\"", aikit_agent_info(agent, &out, &error));

    /* The agent keeps its version; who asks later gets the new one. */
    WORKS(aikit_specs_promote(kernel, TEXT("desk@2.0.0"), NULL, 0, &out, &error));
    aikit_bytes_free(&out);
    GIVES("the first",
          aikit_agent_run(agent, TEXT("?"), TEXT("{\"inputs\": {\"city\": \"Oslo\"}}"), &out,
                          &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_agent_run(agent, TEXT("?"), NULL, 0, &out, &error));
    FAILS(AIKIT_INVALID_ARGUMENT,
          aikit_agent_run(agent, TEXT("?"), TEXT("{\"inputs\": {\"city\": 7}}"), &out, &error));
    WORKS(aikit_agent_open(kernel, TEXT("desk"), NULL, 0, &later, &error));
    GIVES("the second", aikit_agent_run(later, TEXT("?"), NULL, 0, &out, &error));
    aikit_agent_free(&later);
    WORKS(aikit_agent_open(kernel, TEXT("desk@1.0.0"), TEXT("{\"model\": \"scripted/x\"}"), &later,
                           &error));
    GIVES("scripted/x", aikit_agent_info(later, &out, &error));
    aikit_agent_free(&later);

    /* A path for aikit_agent_open has a mark of one; for aikit_agent_read everything is a path. */
    snprintf(path, sizeof path, "%s/agent", folder);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs("agent: filed\nscript: [{text: filed}]\n", file) >= 0);
    CHECK(fclose(file) == 0);
    WORKS(aikit_agent_open(kernel, path, AIKIT_TO_NUL, NULL, 0, &later, &error));
    GIVES("scripted/usual", aikit_agent_info(later, &out, &error));
    aikit_agent_free(&later);
    FAILS(AIKIT_FILE_NOT_FOUND, aikit_agent_open(kernel, TEXT("no.yaml"), NULL, 0, &later, &error));
    FAILS(AIKIT_FILE_NOT_FOUND, aikit_agent_read(kernel, TEXT("desk"), NULL, 0, &later, &error));
    FAILS(AIKIT_SPEC_NOT_FOUND, aikit_agent_open(kernel, TEXT("nobody"), NULL, 0, &later, &error));
    FAILS(AIKIT_INVALID_ARGUMENT, aikit_agent_open(kernel, NULL, 0, NULL, 0, &later, &error));

    /* What the kernel has to say of a spec, and that it means it. */
    aikit_spec greedy = parse("agent: greedy\nmodel: scripted/greedy\nscript: [{text: more}]\n"
                              "tools: [calculator, nobodys]\n");
    IS("[]", aikit_spec_check(greedy, &out, &error));
    GIVES("\"AK3002\"", aikit_kernel_check(kernel, greedy, &out, &error));
    GIVES("\"AK3003\"", aikit_kernel_check(kernel, greedy, &out, &error));
    aikit_spec_free(&greedy);
    greedy = parse("agent: greedy\nscript: []\ntools: [calculator]\n");
    FAILS(AIKIT_TOOL_DENIED, aikit_agent_new(kernel, greedy, NULL, 0, &later, &error));
    FAILS(AIKIT_TOOL_DENIED, aikit_tool_call(kernel, TEXT("calculator"), NULL, 0, &out, &error));
    aikit_spec_free(&greedy);
    CHECK(later == 0 && out.data == NULL);
    aikit_agent_free(&agent);
    aikit_kernel_free(&kernel);
}

enum { THREADS = 4, VERSIONS = 8 };

typedef struct {
    aikit_kernel kernel;
    int number;
    int conflicts;
} saver;

/* All threads save the same versions: of each, one thread is the first. */
static void *save_all(void *user_data) {
    saver *s = user_data;
    for (int i = 0; i < VERSIONS; i++) {
        char source[128];
        snprintf(source, sizeof source,
                 "agent: race\nversion: 1.0.%d\nmodel: scripted/race\nscript: [{text: from %d}]\n", i,
                 s->number);
        aikit_spec spec = parse(source);
        aikit_bytes out = {0};
        aikit_status status = aikit_specs_save(s->kernel, spec, NULL, 0, &out, NULL);
        CHECK(status == AIKIT_OK || status == AIKIT_SPEC_CONFLICT);
        if (status == AIKIT_SPEC_CONFLICT) s->conflicts++;
        aikit_bytes_free(&out);
        aikit_spec_free(&spec);
    }
    return NULL;
}

static void threads(void) {
    aikit_kernel kernel = open_kernel("");
    pthread_t thread[THREADS];
    saver savers[THREADS] = {{0}};
    int conflicts = 0;
    for (int i = 0; i < THREADS; i++) {
        savers[i] = (saver){kernel, i, 0};
        CHECK(pthread_create(&thread[i], NULL, save_all, &savers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
        conflicts += savers[i].conflicts;
    }
    CHECK(conflicts == (THREADS - 1) * VERSIONS);
    GIVES("\"next\":null", aikit_specs_list(kernel, TEXT("{\"limit\": 8}"), &out, &error));
    GIVES("\"next\":\"", aikit_specs_list(kernel, TEXT("{\"limit\": 7}"), &out, &error));
    aikit_kernel_free(&kernel);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    nulls();
    handles();
    texts(argv[1]);
    life_of_a_version();
    agents(argv[1]);
    threads();
    CHECK(aikit_shutdown(5000) == 0);
    puts("all checks hold");
    return 0;
}
