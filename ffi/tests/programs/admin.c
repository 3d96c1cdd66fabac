/*
 * Tenants and administration from C: each operation once for real on an SQLite file, its refusals, and
 * what a program may do wrong with each function. Exits with 1 and the line of the first check that
 * does not hold. Run under valgrind too, so everything is freed.
 *
 *     admin FOLDER            a folder to write in
 */
#include "checks.h"

#include <sys/wait.h>
#include <unistd.h>

static const char *folder;

/* A JSON object from a format with the folder in it. Valid until the fourth call after it. */
static const char *in_folder(const char *format) {
    static char texts[4][4096];
    static int next;
    char *to = texts[next++ % 4];
    CHECK(snprintf(to, sizeof texts[0], format, folder) < (int)sizeof texts[0]);
    return to;
}

static aikit_admin open_admin(const char *options) {
    aikit_admin admin = 0;
    WORKS(aikit_admin_open(options, AIKIT_TO_NUL, &admin, &error));
    return admin;
}

#define CALL(admin, operation, arguments)                                                          \
    aikit_admin_call(admin, operation, AIKIT_TO_NUL, arguments, AIKIT_TO_NUL, &out, &error)
/* An operation whose result has this part, or is this. */
#define DOES(part, admin, operation, arguments) GIVES(part, CALL(admin, operation, arguments))
#define DOES_ALL(whole, admin, operation, arguments) IS(whole, CALL(admin, operation, arguments))
/* An operation that is refused. */
#define REFUSES(status, admin, operation, arguments)                                               \
    do {                                                                                           \
        aikit_bytes out = {0};                                                                     \
        FAILS(status, CALL(admin, operation, arguments));                                          \
        CHECK(out.data == NULL);                                                                   \
    } while (0)

/* Writes a file. */
static void put(const char *path, const char *data, size_t len) {
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(data, 1, len, file) == len && fclose(file) == 0);
}

/* Replaces every text in a file by another of the same length; gives how many there were. */
static int tamper(const char *path, const char *from, const char *to) {
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL && strlen(from) == strlen(to) && fseek(file, 0, SEEK_END) == 0);
    size_t size = (size_t)ftell(file);
    char *data = malloc(size);
    int found = 0;
    rewind(file);
    CHECK(data != NULL && fread(data, 1, size, file) == size && fclose(file) == 0);
    for (size_t at = 0; at + strlen(from) <= size; at++) {
        if (memcmp(data + at, from, strlen(from)) == 0) {
            memcpy(data + at, to, strlen(to));
            found++;
        }
    }
    put(path, data, size);
    free(data);
    return found;
}

static aikit_status save(aikit_kernel kernel, const char *source) {
    aikit_spec spec = 0;
    aikit_bytes record = {0};
    WORKS(aikit_spec_parse(source, AIKIT_TO_NUL, &spec, &error));
    aikit_status status = aikit_specs_save(kernel, spec, NULL, 0, &record, NULL);
    aikit_bytes_free(&record);
    aikit_spec_free(&spec);
    return status;
}

static const char first[] =
    "agent: desk\nversion: 1.0.0\nmodel: scripted/desk\nscript: [{text: the first}]\n";
static const char second[] =
    "agent: desk\nversion: 2.0.0\nmodel: scripted/desk\nscript: [{text: the second}]\n";

/* Places to write to that are NULL, texts that are NULL and have a length, bytes that are no UTF-8. */
static void nulls(void) {
    aikit_admin admin = open_admin(in_folder("{\"location\": \"%s/nulls.db\", \"actor\": \"ann\"}"));
    aikit_kernel kernel = open_kernel("");
    aikit_admin made = 0;
    aikit_bytes out = {0};
    const aikit_status wrong = AIKIT_INVALID_ARGUMENT;
    FAILS(wrong, aikit_admin_open(TEXT("{}"), NULL, &error));
    FAILS(wrong, aikit_admin_open(NULL, 1, &made, &error));
    FAILS(AIKIT_INVALID_UTF8, aikit_admin_open(TEXT("\xff"), &made, &error));
    FAILS(wrong, aikit_admin_call(admin, TEXT("check"), NULL, 0, NULL, &error));
    FAILS(wrong, aikit_admin_call(admin, NULL, 1, NULL, 0, &out, &error));
    FAILS(wrong, aikit_admin_call(admin, TEXT("check"), NULL, 1, &out, &error));
    FAILS(wrong, aikit_admin_call(admin, NULL, 0, NULL, 0, &out, &error));
    FAILS(AIKIT_INVALID_UTF8, aikit_admin_call(admin, TEXT("\xff"), NULL, 0, &out, &error));
    FAILS(AIKIT_INVALID_UTF8,
          aikit_admin_call(admin, TEXT("tenant"), TEXT("{\"id\": \"\xff\"}"), &out, &error));
    FAILS(wrong, aikit_kernel_usage(kernel, 1, NULL, &error));
    FAILS(wrong, aikit_kernel_config(kernel, 0, NULL, &error));
    FAILS(wrong, aikit_kernel_backup(kernel, NULL, 1, &error));
    FAILS(wrong, aikit_kernel_backup(kernel, NULL, 0, &error));
    CHECK(made == 0 && out.data == NULL);
    CHECK(aikit_admin_call(admin, TEXT("nothing"), NULL, 0, &out, NULL) == wrong);
    aikit_admin_free(NULL);
    aikit_admin_free(&made);
    aikit_kernel_free(&kernel);
    aikit_admin_free(&admin);
    CHECK(admin == 0);
}

static void handles(void) {
    const char *options = in_folder("{\"location\": \"%s/handles.db\", \"actor\": \"ann\"}");
    aikit_admin admin = open_admin(options), freed = open_admin(options), wrong = 0;
    aikit_kernel kernel = open_kernel("");
    aikit_bytes out = {0};
    const aikit_status none = AIKIT_INVALID_HANDLE;
    uint64_t forged[] = {0, 42, UINT64_MAX, freed, kernel};
    aikit_admin_free(&freed);
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        FAILS(none, aikit_admin_call(forged[i], TEXT("check"), NULL, 0, &out, &error));
        FAILS(none, aikit_admin_close(forged[i], &error));
    }
    forged[4] = admin;
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        FAILS(none, aikit_kernel_usage(forged[i], 1, &out, &error));
        FAILS(none, aikit_kernel_config(forged[i], 0, &out, &error));
        FAILS(none, aikit_kernel_backup(forged[i], TEXT("no.db"), &error));
        /* As a spec 0 means none. */
        if (i > 0) FAILS(none, aikit_kernel_config(kernel, forged[i], &out, &error));
    }
    wrong = kernel;
    aikit_admin_free(&wrong);
    IS("default", aikit_kernel_tenant(kernel, &out, &error));
    CHECK(wrong == 0 && out.data == NULL);
    aikit_kernel_free(&kernel);
    aikit_admin_free(&admin);
}

/* What is no operation, no argument of one, or of another type. */
static void wrong_arguments(void) {
    aikit_admin admin = open_admin(in_folder("{\"location\": \"%s/wrong.db\", \"actor\": \"ann\"}"));
    aikit_admin other = 0;
    static const char *const opened[] = {
        "",           "{}",     "{\"location\": 7}", "{\"location\": \"a.db\"}", "{\"nobody\": 1}",
        "[\"a.db\"]", "a.db",   "{",
    };
    for (size_t i = 0; i < sizeof opened / sizeof opened[0]; i++)
        FAILS(AIKIT_INVALID_ARGUMENT, aikit_admin_open(opened[i], AIKIT_TO_NUL, &other, &error));
    CHECK(other == 0);
    static const char *const calls[][2] = {
        {"drop", "{}"},
        {"tenant", ""},
        {"tenant", "null"},
        {"tenant", "{}"},
        {"tenant", "[\"acme\"]"},
        {"tenant", "{\"id\": 7}"},
        {"tenant", "{\"id\": \"acme\", \"more\": 1}"},
        {"create_tenant", "{\"id\": \"acme\", \"kind\": \"firm\"}"},
        {"create_tenant", "{\"id\": \"acme\", \"parant\": \"a\"}"},
        {"tenants", "{\"limit\": 0}"},
        {"tenants", "{\"limit\": -1}"},
        {"tenants", "{\"status\": \"gone\"}"},
        {"configure_tenant", "{\"id\": \"acme\"}"},
        {"grant_read", "{\"id\": \"acme\"}"},
        {"delete_tenant", "{\"id\": \"acme\", \"erase\": 1}"},
        {"usage", "{\"id\": \"acme\", \"days\": -1}"},
        {"copy_tenant", "{\"to\": \"no.db\"}"},
        {"verify_audit", "{\"expect\": 1}"},
        {"prune", "{\"days\": 1}"},
        {"backup", "{}"},
        {"check", "{\"deep\": true}"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        REFUSES(AIKIT_INVALID_ARGUMENT, admin, calls[i][0], calls[i][1]);
    REFUSES(AIKIT_TENANT_INVALID, admin, "create_tenant", "{\"id\": \"Not A Slug\"}");
    REFUSES(AIKIT_TENANT_NOT_FOUND, admin, "tenant", "{\"id\": \"nobody\"}");
    REFUSES(AIKIT_TENANT_NOT_FOUND, admin, "usage", "{\"id\": \"nobody\"}");
    REFUSES(AIKIT_CONFIG_INVALID, admin, "create_tenant", "{\"id\": \"acme\", \"config\": {\"a\": 1}}");
    DOES_ALL("{\"tenants\":[],\"next\":null}", admin, "tenants", "");
    aikit_admin_free(&admin);
}

static void tenants(void) {
    aikit_admin admin = open_admin(in_folder("{\"location\": \"%s/main.db\", \"actor\": \"ann\"}"));
    DOES("\"status\":\"active\"", admin, "create_tenant",
         "{\"id\": \"acme\", \"kind\": \"org\", \"name\": \"Acme\"}");
    DOES("\"max_specs\":1", admin, "create_tenant",
         "{\"id\": \"shop\", \"parent\": \"acme\", \"config\": {\"quotas\": {\"max_specs\": 1}}}");
    REFUSES(AIKIT_TENANT_EXISTS, admin, "create_tenant", "{\"id\": \"shop\"}");
    DOES("\"parent\":\"acme\"", admin, "tenant", "{\"id\": \"shop\"}");
    DOES("\"next\":\"acme\"", admin, "tenants", "{\"limit\": 1}");
    DOES("\"next\":null", admin, "tenants", "{\"limit\": 1, \"after\": \"acme\"}");
    DOES("\"name\":\"Acme Ltd\"", admin, "rename_tenant", "{\"id\": \"acme\", \"name\": \"Acme Ltd\"}");
    DOES("\"name\":null", admin, "rename_tenant", "{\"id\": \"acme\", \"name\": null}");
    DOES("\"parent\":null", admin, "move_tenant", "{\"id\": \"shop\", \"parent\": null}");
    DOES("\"parent\":\"acme\"", admin, "move_tenant", "{\"id\": \"shop\", \"parent\": \"acme\"}");

    /* A quota of the tenant's is one of its kernels. */
    const char *options = in_folder("{\"location\": \"%s/main.db\", \"tenant\": \"shop\"}");
    aikit_kernel kernel = open_kernel(options), other = 0;
    CHECK(save(kernel, first) == AIKIT_OK);
    CHECK(save(kernel, second) == AIKIT_QUOTA_EXCEEDED);
    DOES("\"max_specs\":2", admin, "configure_tenant",
         "{\"id\": \"shop\", \"config\": {\"quotas\": {\"max_specs\": 2}}}");
    GIVES("{\"totals\":{\"specs\":1,", aikit_kernel_usage(kernel, 30, &out, &error));
    DOES("{\"totals\":{\"specs\":1,", admin, "usage", "{\"id\": \"shop\"}");
    DOES("\"totals\"", admin, "usage", "{\"id\": \"shop\", \"days\": 1}");

    /* Suspended: nothing can be read or changed, in open kernels too. */
    DOES("\"suspended\"", admin, "suspend_tenant", "{\"id\": \"shop\", \"why\": \"unpaid\"}");
    FAILS(AIKIT_TENANT_SUSPENDED, aikit_kernel_open(options, AIKIT_TO_NUL, &other, &error));
    CHECK(save(kernel, second) == AIKIT_TENANT_SUSPENDED);
    DOES("\"active\"", admin, "resume_tenant", "{\"id\": \"shop\"}");
    aikit_kernel_free(&kernel);
    kernel = open_kernel(options);
    CHECK(save(kernel, second) == AIKIT_OK);

    /* The tenant above reads when that was granted, and only reads. */
    options = in_folder("{\"location\": \"%s/main.db\", \"tenant\": \"shop\", \"reader\": \"acme\"}");
    FAILS(AIKIT_ACCESS_DENIED, aikit_kernel_open(options, AIKIT_TO_NUL, &other, &error));
    DOES_ALL("null", admin, "grant_read", "{\"id\": \"shop\", \"reader\": \"acme\"}");
    DOES("\"granted_by\":\"ann\"", admin, "read_grants", "{\"id\": \"shop\"}");
    other = open_kernel(options);
    GIVES("\"version\":\"2.0.0\"", aikit_specs_get(other, TEXT("desk@2.0.0"), &out, &error));
    CHECK(save(other, first) == AIKIT_TENANT_READ_ONLY);
    DOES_ALL("true", admin, "revoke_read", "{\"id\": \"shop\", \"reader\": \"acme\"}");
    DOES_ALL("false", admin, "revoke_read", "{\"id\": \"shop\", \"reader\": \"acme\"}");
    DOES_ALL("[]", admin, "read_grants", "{\"id\": \"shop\"}");
    aikit_bytes out = {0};
    FAILS(AIKIT_ACCESS_DENIED, aikit_specs_list(other, NULL, 0, &out, &error));
    aikit_kernel_free(&other);
    aikit_kernel_free(&kernel);
    aikit_admin_free(&admin);
}

/* The sum of a table in the result of an operation. Valid until the next call. */
static const char *sum_of(const char *table, const aikit_bytes *bytes) {
    static char sum[65];
    char key[64];
    snprintf(key, sizeof key, "\"%s\":{\"rows\":2,\"sha256\":\"", table);
    const char *at = strstr(bytes->data, key);
    CHECK(at != NULL);
    memcpy(sum, at + strlen(key), 64);
    return sum;
}

static void carrying(void) {
    aikit_admin admin = open_admin(in_folder("{\"location\": \"%s/main.db\", \"actor\": \"ann\"}"));
    aikit_bytes digest = {0}, out = {0};
    WORKS(aikit_admin_call(admin, TEXT("digest"), TEXT("{\"id\": \"shop\"}"), &digest, &error));
    char sum[65] = {0};
    memcpy(sum, sum_of("spec_versions", &digest), 64);
    aikit_bytes_free(&digest);

    const char *archive = in_folder("{\"id\": \"shop\", \"path\": \"%s/shop.jsonl\"}");
    DOES(sum, admin, "export_tenant", archive);
    REFUSES(AIKIT_INVALID_ARGUMENT, admin, "export_tenant", archive);
    DOES(sum, admin, "import_tenant",
         in_folder("{\"path\": \"%s/shop.jsonl\", \"as\": \"twin\", \"parent\": \"acme\"}"));
    DOES(sum, admin, "digest", "{\"id\": \"twin\"}");
    REFUSES(AIKIT_TENANT_EXISTS, admin, "import_tenant",
            in_folder("{\"path\": \"%s/shop.jsonl\", \"as\": \"twin\"}"));
    DOES("\"agree\":true", admin, "copy_tenant", in_folder("{\"id\": \"shop\", \"to\": \"%s/copy.db\"}"));
    put(in_folder("%s/broken.jsonl"), TEXT("{\"aikit\": \"nothing\"}\n"));
    REFUSES(AIKIT_ARCHIVE_INVALID, admin, "import_tenant",
            in_folder("{\"path\": \"%s/broken.jsonl\"}"));
    aikit_admin other = open_admin(in_folder("{\"location\": \"%s/copy.db\", \"actor\": \"bob\"}"));
    DOES(sum, other, "digest", "{\"id\": \"shop\"}");
    aikit_admin_free(&other);

    /* Copies of the store are stores. */
    aikit_kernel kernel = open_kernel(in_folder("{\"location\": \"%s/main.db\", \"tenant\": \"shop\"}"));
    WORKS(aikit_kernel_backup(kernel, in_folder("%s/backup.db"), AIKIT_TO_NUL, &error));
    FAILS(AIKIT_INVALID_ARGUMENT,
          aikit_kernel_backup(kernel, in_folder("%s/backup.db"), AIKIT_TO_NUL, &error));
    aikit_kernel_free(&kernel);
    kernel = open_kernel(in_folder("{\"location\": \"%s/backup.db\", \"tenant\": \"twin\"}"));
    GIVES("\"version\":\"1.0.0\"", aikit_specs_get(kernel, TEXT("desk@1.0.0"), &out, &error));
    aikit_kernel_free(&kernel);
    DOES_ALL("null", admin, "backup", in_folder("{\"path\": \"%s/another.db\"}"));

    DOES_ALL("{}", admin, "prune", "");
    DOES_ALL("[]", admin, "check", "");
    REFUSES(AIKIT_INVALID_ARGUMENT, admin, "delete_tenant", "{\"id\": \"acme\"}");
    DOES("\"spec_versions\":2", admin, "delete_tenant", "{\"id\": \"twin\", \"erase\": true}");
    REFUSES(AIKIT_TENANT_NOT_FOUND, admin, "tenant", "{\"id\": \"twin\"}");
    CHECK(out.data == NULL);
    aikit_admin_free(&admin);
}

/* What is written cannot be changed or cut off without that being seen. */
static void auditing(void) {
    const char *options = in_folder("{\"location\": \"%s/copy.db\", \"actor\": \"bob\"}");
    aikit_admin admin = open_admin(options);
    DOES("\"status\":\"suspended\"", admin, "suspend_tenant",
         "{\"id\": \"shop\", \"why\": \"the bill is unpaid\"}");
    DOES("\"actor\":\"bob\"", admin, "audit_log", "");
    DOES("\"action\":\"tenant.suspended\"", admin, "audit_log", "{\"limit\": 1, \"after\": 1}");
    DOES("\"action\":\"spec.saved\"", admin, "audit_log", "{\"tenant\": \"shop\"}");
    DOES("\"broken\":null", admin, "verify_audit", "");
    DOES("\"broken\":null", admin, "verify_audit", "{\"tenant\": \"shop\"}");
    DOES("\"sound\":false", admin, "verify_audit",
         "{\"expect\": [{\"tenant_id\": \"@store\", \"seq\": 99, \"hash\": \"00\"}]}");
    WORKS(aikit_admin_close(admin, &error));
    aikit_admin_free(&admin);
    CHECK(tamper(in_folder("%s/copy.db"), "the bill is unpaid", "the bill was paid!") > 0);
    admin = open_admin(options);
    DOES("\"broken\":{\"tenant_id\":\"@store\",\"seq\":2,", admin, "verify_audit", "");
    DOES("\"broken\":null", admin, "verify_audit", "{\"tenant\": \"shop\"}");
    aikit_admin_free(&admin);
}

static void profiles(void) {
    static const char profile[] = "actor = \"ann\"\n"
                                  "default_model = \"scripted/usual\"\n"
                                  "[providers.openai]\n"
                                  "api_key = {env = \"AIKIT_TEST_SECRET\"}\n"
                                  "[quotas]\n"
                                  "max_specs = 1\n";
    put(in_folder("%s/profile.toml"), TEXT(profile));
    CHECK(setenv("AIKIT_TEST_SECRET", "open-sesame", 1) == 0);
    aikit_kernel kernel = open_kernel(in_folder("{\"profile\": \"%s/profile.toml\"}"));
    aikit_spec spec = 0;
    ANSWERS(contains(&out, "env:AIKIT_TEST_SECRET") && contains(&out, "\"secret\":\"set\"") &&
                !contains(&out, "open-sesame"),
            aikit_kernel_config(kernel, 0, &out, &error));
    WORKS(aikit_spec_parse(TEXT(first), &spec, &error));
    GIVES("\"value\":\"scripted/desk\",\"source\":\"spec desk@1.0.0\"",
          aikit_kernel_config(kernel, spec, &out, &error));
    aikit_spec_free(&spec);
    CHECK(save(kernel, first) == AIKIT_OK && save(kernel, second) == AIKIT_QUOTA_EXCEEDED);
    aikit_kernel_free(&kernel);

    aikit_kernel none = 0;
    aikit_admin admin = 0;
    put(in_folder("%s/broken.toml"), TEXT("quota = 1\n"));
    const char *broken = in_folder("{\"profile\": \"%s/broken.toml\"}");
    const char *missing = in_folder("{\"profile\": \"%s/missing.toml\"}");
    FAILS(AIKIT_CONFIG_INVALID, aikit_kernel_open(broken, AIKIT_TO_NUL, &none, &error));
    FAILS(AIKIT_CONFIG_INVALID, aikit_admin_open(broken, AIKIT_TO_NUL, &admin, &error));
    FAILS(AIKIT_FILE_NOT_FOUND, aikit_kernel_open(missing, AIKIT_TO_NUL, &none, &error));
    FAILS(AIKIT_FILE_NOT_FOUND, aikit_admin_open(missing, AIKIT_TO_NUL, &admin, &error));
    CHECK(none == 0 && admin == 0);
}

static void ends(void) {
    const char *options = in_folder("{\"location\": \"%s/ends.db\", \"actor\": \"ann\"}");
    aikit_admin admin = open_admin(options);
    aikit_kernel kernel = open_kernel("");
    aikit_bytes out = {0};
    pid_t child = fork();
    if (child == 0) {
        FAILS(AIKIT_FORKED, aikit_admin_call(admin, TEXT("check"), NULL, 0, &out, &error));
        FAILS(AIKIT_FORKED, aikit_admin_close(admin, &error));
        FAILS(AIKIT_FORKED, aikit_kernel_usage(kernel, 1, &out, &error));
        FAILS(AIKIT_FORKED, aikit_kernel_backup(kernel, TEXT("no.db"), &error));
        /* Another program, so that valgrind does not count what the parent's threads hold here. */
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    int status = 1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    WORKS(aikit_admin_close(admin, &error));
    WORKS(aikit_admin_close(admin, &error));
    REFUSES(AIKIT_CLOSED, admin, "check", "");
    REFUSES(AIKIT_CLOSED, admin, "create_tenant", "{\"id\": \"late\"}");
    WORKS(aikit_kernel_close(kernel, &error));
    FAILS(AIKIT_CLOSED, aikit_kernel_usage(kernel, 1, &out, &error));
    FAILS(AIKIT_CLOSED, aikit_kernel_backup(kernel, TEXT("no.db"), &error));
    aikit_kernel_free(&kernel);
    aikit_admin_free(&admin);

    /* Freed without a close: nothing is held back. */
    for (int i = 0; i < 20; i++) {
        admin = open_admin(options);
        DOES_ALL("[]", admin, "check", "");
        aikit_admin_free(&admin);
    }
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    folder = argv[1];
    nulls();
    handles();
    wrong_arguments();
    tenants();
    carrying();
    auditing();
    profiles();
    ends();
    CHECK(aikit_shutdown(5000) == 0);
    puts("all checks hold");
    return 0;
}
