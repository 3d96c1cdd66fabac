/*
 * aikit.h: agents inside your own program, from C and C++.
 *
 * C++ programs may prefer aikit.hpp, which wraps this header in classes. A guide with complete
 * programs is docs/c.md.
 *
 * INSTALLING
 *
 *   make install PREFIX=/usr/local        from the source tree; then
 *
 *   cc program.c $(pkg-config --cflags --libs aikit)                        pkg-config
 *   cc program.c -l:libaikit.a $(pkg-config --cflags --libs --static aikit) the static library
 *   find_package(aikit REQUIRED)                                            CMake
 *   target_link_libraries(program aikit::aikit)                             or aikit::static
 *
 *   aikit_kernel kernel = 0;
 *   aikit_error *error = NULL;
 *   if (aikit_kernel_open(NULL, 0, &kernel, &error) != AIKIT_OK) {
 *       fprintf(stderr, "%s\n", aikit_error_message(error));
 *       aikit_error_free(&error);
 *   }
 *
 * Loading the library starts no thread, reads no environment variable and installs no signal
 * handler; the first operation that needs threads makes them.
 *
 * TEXTS
 *
 * Text goes in as a pointer and a length in bytes, in UTF-8; AIKIT_TO_NUL as the length means "up to
 * the first NUL". With length 0 the pointer may be NULL. Text is read during the call and not kept.
 * Options, arguments, events and results are JSON. Options may be empty for the defaults, and an
 * unknown key in them is an error.
 *
 * OWNERSHIP
 *
 *   aikit_kernel, _spec, _agent, _run,
 *   _admin                              Numbers. Yours until the _free function of their kind, which
 *                                       takes a pointer and sets it to 0. A handle that was freed,
 *                                       made up or is of another kind is answered with
 *                                       AIKIT_INVALID_HANDLE; 0 is never a handle. Free them in any
 *                                       order: what is needed by another object lives on.
 *   aikit_reply                         Used up by its answer. Never freed.
 *   aikit_bytes                         Yours until aikit_bytes_free.
 *   aikit_error                         A pointer, yours until aikit_error_free. Unlike a handle it
 *                                       is not checked: do not use it after it was freed.
 *   user_data                           Yours, until a finalizer was given with it: then aikit calls
 *                                       the finalizer exactly once, also if the call fails.
 *   what callbacks are given            Borrowed until the callback returns.
 *
 * Outputs are written only on success. Pointers to write to must not be NULL (AIKIT_INVALID_ARGUMENT)
 * except for `error`. No _free function needs a check for NULL or 0 before it.
 *
 * THREADS
 *
 * Every function may be called from any thread at any time. A run is taken from (aikit_run_wait,
 * aikit_run_next_event, aikit_run_watch) by one thread at a time; a second one is told so and does
 * not wait. aikit_run_cancel and aikit_run_free work meanwhile.
 *
 * Callbacks run on the thread that waits for the run or takes its events, never on one that you do
 * not know of; only aikit_run_watch makes a thread, one for its run. Nothing may unwind through a
 * callback: no C++ exception, no longjmp.
 *
 * After fork() the child must open a kernel or administrator of its own; handles from before are
 * answered with AIKIT_FORKED. Free or close them in the parent.
 *
 * ERRORS
 *
 * A function that can fail answers with an aikit_status and takes `aikit_error **error` last. NULL
 * there means that the status is enough. Else `*error` is set: to NULL on success, to an error that
 * you own on failure. What it held before is not read, so it may be uninitialised, and an error that
 * was not freed is lost. The number, the word (aikit_error_code) and their meaning are stable; the
 * message is for people. A defect inside aikit is caught at the boundary: AIKIT_PANIC.
 *
 * ADMINISTRATION
 *
 * A kernel works in one tenant. aikit_admin_open opens the store itself, and aikit_admin_call does
 * these operations; arguments in brackets may be left out.
 *
 *   create_tenant     id [parent kind name config]     tenant
 *   tenant            id                               tenant
 *   tenants           [parent status kind limit after] {tenants: [tenant], next}
 *   configure_tenant  id config                        tenant
 *   rename_tenant     id name (null: none)             tenant
 *   move_tenant       id parent (null: none)           tenant
 *   suspend_tenant    id [why]                         tenant
 *   resume_tenant     id [why]                         tenant
 *   delete_tenant     id [children erase]              {tenant, tenants, rows: {table: n},
 *                                                      files: [{place, advice}]}
 *   grant_read        id reader (a tenant above)       null
 *   revoke_read       id reader                        whether there was one
 *   read_grants       id                               [{reader, granted_at, granted_by}]
 *   usage             id [days]                        as aikit_kernel_usage gives
 *   digest            id                               {table: {rows, sha256}}
 *   export_tenant     id path                          {tenant, tables: {table: {rows, sha256}},
 *                                                      bytes, altered, left_out}
 *   import_tenant     path [as parent]                 the same
 *   copy_tenant       id to (a location) [as parent]   {tenant, source, target, altered, left_out,
 *                                                      agree}
 *   audit_log         [tenant after limit]             [{tenant_id, seq, at, actor, action, object,
 *                     (without tenant: what            detail, prev, hash}]
 *                     administrators did)
 *   verify_audit      [tenant expect]                  {chains: [{tenant_id, entries, head, sound}],
 *                     (expect: heads that were         broken}, where broken is null or
 *                     noted before)                    {tenant_id, seq, what}
 *   prune                                              {tenant: {runs, events}}
 *   backup            path                             null
 *   check                                              findings; an empty array: sound
 *
 * A tenant is {tenant_id, parent, kind, name, status, config, created_at, updated_at}; kind is "org",
 * "team", "user" or null, status "active" or "suspended". A head is {tenant_id, seq, hash}.
 *
 * VERSIONS
 *
 * AIKIT_ABI_VERSION and the number in the file name (libaikit.so.0) stand for the binary interface: a
 * program goes on working with every library of the same number. Within it functions and statuses are
 * only added, numbers are never changed or used again, structs grow at their end and say by
 * struct_size how much of them a program knows. AIKIT_VERSION is the release.
 */

#ifndef AIKIT_H
#define AIKIT_H

/* Generated from the Rust sources. Change those: see ffi/tests/abi/header.rs. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* The numbers of aikit_status. */
enum {
  /* The call did what it says. */
  AIKIT_OK = 0,
  /* An argument has the wrong type, shape or value. */
  AIKIT_INVALID_ARGUMENT = 1,
  /* The handle was freed, was never given out, or is of another kind. */
  AIKIT_INVALID_HANDLE = 2,
  /* The text is not valid UTF-8. */
  AIKIT_INVALID_UTF8 = 3,
  /* The kernel was closed; open a new one. */
  AIKIT_CLOSED = 4,
  /* The handle was made before a fork; open a new kernel in this process. */
  AIKIT_FORKED = 5,
  /* The time allowed for the call ran out. */
  AIKIT_TIMEOUT = 6,
  /* The run was cancelled by its caller. */
  AIKIT_CANCELLED = 7,
  /* A defect inside aikit was caught; please report it. */
  AIKIT_PANIC = 8,
  /* There is no such file or folder. */
  AIKIT_FILE_NOT_FOUND = 10,
  /* The file cannot be read: a folder, a binary file, or no permission. */
  AIKIT_FILE_UNREADABLE = 11,
  /* The spec breaks a rule; the diagnostics say where. */
  AIKIT_SPEC_INVALID = 20,
  /* The spec is larger, deeper or has more aliases than a spec may. */
  AIKIT_SPEC_TOO_LARGE = 21,
  /* The repository has no such agent or version. */
  AIKIT_SPEC_NOT_FOUND = 22,
  /* Somebody else saved this version first, or changed it since it was read. */
  AIKIT_SPEC_CONFLICT = 23,
  /* The version was promoted once and can never change; save under a new number. */
  AIKIT_SPEC_IMMUTABLE = 24,
  /* The version's state does not allow this step of its life. */
  AIKIT_SPEC_STATE = 25,
  /* The version is retired and makes no agents any more. */
  AIKIT_SPEC_RETIRED = 26,
  /* The tenant id is not a slug. */
  AIKIT_TENANT_INVALID = 30,
  /* The spec belongs to another tenant than the kernel's. */
  AIKIT_TENANT_MISMATCH = 31,
  /* The store has no such tenant. */
  AIKIT_TENANT_NOT_FOUND = 32,
  /* The store has a tenant of this id already. */
  AIKIT_TENANT_EXISTS = 33,
  /* The tenant is suspended; an administrator can resume it. */
  AIKIT_TENANT_SUSPENDED = 34,
  /* The kernel only reads this tenant. */
  AIKIT_TENANT_READ_ONLY = 35,
  /* The tenant has used up what it may have. */
  AIKIT_QUOTA_EXCEEDED = 36,
  /* The tenant did not grant this access. */
  AIKIT_ACCESS_DENIED = 37,
  /* A budget of tokens or money does not allow the call of the model. */
  AIKIT_BUDGET_EXCEEDED = 38,
  /* The store cannot be opened. */
  AIKIT_STORE_UNAVAILABLE = 40,
  /* Another process holds the database's lock. */
  AIKIT_STORE_LOCKED = 41,
  /* There is no space left for the database. */
  AIKIT_STORE_FULL = 42,
  /* The file is not an aikit database, or it is damaged. */
  AIKIT_STORE_CORRUPT = 43,
  /* The database refused an operation. */
  AIKIT_STORE_FAILED = 44,
  /* The connection to the database was lost; look whether a change was made before it is repeated. */
  AIKIT_STORE_LOST = 45,
  /* The database's tables are of another version of aikit. */
  AIKIT_STORE_OUTDATED = 46,
  /* The database role has the wrong rights: too many to be isolated, or too few. */
  AIKIT_STORE_ROLE = 47,
  /* Another change of the same data came first; nothing was changed. */
  AIKIT_STORE_CONFLICT = 48,
  /* No such model or provider. */
  AIKIT_MODEL_UNKNOWN = 50,
  /* The provider refused the key, or none was given. */
  AIKIT_MODEL_UNAUTHORIZED = 51,
  /* The provider's rate limit was reached. */
  AIKIT_MODEL_RATE_LIMITED = 52,
  /* The provider cannot be reached or reports a failure of its own. */
  AIKIT_MODEL_UNAVAILABLE = 53,
  /* The provider refused the request as wrong. */
  AIKIT_MODEL_REFUSED = 54,
  /* The model's answer cannot be understood. */
  AIKIT_MODEL_INVALID_RESPONSE = 55,
  /* The stream ended before the model had finished. */
  AIKIT_MODEL_STREAM_BROKEN = 56,
  /* The scripted model has no turn left for this call. */
  AIKIT_MODEL_SCRIPT_EXHAUSTED = 57,
  /* The conversation is longer than the model takes. */
  AIKIT_MODEL_CONTEXT_EXCEEDED = 58,
  /* The model's answer does not fit the output schema, also after repairs. */
  AIKIT_OUTPUT_INVALID = 59,
  /* No tool of that name is registered. */
  AIKIT_TOOL_UNKNOWN = 60,
  /* The tool exists, and a rule forbids it here. */
  AIKIT_TOOL_DENIED = 61,
  /* The arguments do not fit the tool's schema. */
  AIKIT_TOOL_INVALID_ARGUMENTS = 62,
  /* The tool reported an error or threw an exception. */
  AIKIT_TOOL_FAILED = 63,
  /* The tool did not answer within its time. */
  AIKIT_TOOL_TIMEOUT = 64,
  /* A tool of that name is registered already. */
  AIKIT_TOOL_EXISTS = 65,
  /* The run used all the turns that it was allowed. */
  AIKIT_TURN_LIMIT = 70,
  /* The run has ended and its result was already taken. */
  AIKIT_RUN_ENDED = 71,
  /* The collection name is not a slug. */
  AIKIT_COLLECTION_INVALID = 80,
  /* The document cannot be taken in. */
  AIKIT_DOCUMENT_INVALID = 81,
  /* The archive of a tenant is damaged, or not one. */
  AIKIT_ARCHIVE_INVALID = 92,
  /* The audit log was changed or cut off. */
  AIKIT_AUDIT_BROKEN = 93,
  /* The configuration breaks a rule; the message says where. */
  AIKIT_CONFIG_INVALID = 94,
  /* The request is not the one that was recorded; the message shows the difference. */
  AIKIT_CASSETTE_DIFFERS = 95,
  /* The model's file is damaged, or of a kind that is not supported. */
  AIKIT_MODEL_FILE_INVALID = 96
};

/* The release that this header belongs to; compare with aikit_version(). */
#define AIKIT_VERSION "0.1.0"

/* As the length of a text: the text ends at its first NUL. */
#define AIKIT_TO_NUL SIZE_MAX



/**
 * The version of the C ABI that this header describes: raised when a program must be compiled anew.
 */
#define AIKIT_ABI_VERSION 1

/**
 * What aikit_run_next_event has: nothing within the time allowed.
 */
#define AIKIT_NEXT_PENDING 0

/**
 * What aikit_run_next_event has: an event.
 */
#define AIKIT_NEXT_EVENT 1

/**
 * What aikit_run_next_event has: all events were taken. aikit_run_wait has the result.
 */
#define AIKIT_NEXT_ENDED 2

/**
 * What went wrong, where, and what to do about it. Owned by whoever received it, until
 * aikit_error_free. Immutable, so any number of threads may read one.
 */
typedef struct aikit_error aikit_error;

/**
 * What a call answers: AIKIT_OK (0), or one of the numbers above.
 */
typedef int32_t aikit_status;

/**
 * Text that aikit gives away: UTF-8, owned by the caller until aikit_bytes_free. A NUL that `len`
 * does not count follows the text, so `data` can be printed as it is. Empty: `data` is NULL and
 * `len` is 0.
 */
typedef struct aikit_bytes {
  /**
   * The first byte, or NULL.
   */
  char *data;
  /**
   * How many bytes, without the NUL behind them.
   */
  size_t len;
} aikit_bytes;

/**
 * An open store of one tenant, with the tools and the providers that its agents use.
 */
typedef uint64_t aikit_kernel;

/**
 * A spec that was read: the declaration of an agent.
 */
typedef uint64_t aikit_spec;

/**
 * The answer that a call of a tool waits for. Valid until it is given, or until the operation that
 * called the tool has ended.
 */
typedef uint64_t aikit_reply;

/**
 * Does a tool's work. `arguments` is a JSON object that fits the tool's schema; it is borrowed for
 * the time of the call and followed by a NUL. The answer goes to `reply`, before the callback
 * returns or later, from any thread. Must not throw and must not jump out.
 */
typedef void (*aikit_tool_callback)(void *user_data,
                                    const char *arguments,
                                    size_t arguments_len,
                                    aikit_reply reply);

/**
 * Lets go of `user_data`. Called exactly once, from any thread, after the last use.
 */
typedef void (*aikit_finalizer)(void *user_data);

/**
 * An agent: a spec that was made ready to run in a kernel.
 */
typedef uint64_t aikit_agent;

/**
 * A run: one question to an agent, under way or ended.
 */
typedef uint64_t aikit_run;

/**
 * Told of an event. `event` is a JSON object, borrowed for the time of the call and followed by a
 * NUL. Must not throw.
 */
typedef void (*aikit_event_callback)(void *user_data, const char *event, size_t event_len);

/**
 * Told of the end of a run. With AIKIT_OK `result` is a JSON object as described at
 * aikit_agent_run, followed by a NUL, and `error` is NULL; else `result` is NULL. Both are borrowed
 * for the time of the call: `error` must not be freed. Must not throw.
 */
typedef void (*aikit_end_callback)(void *user_data,
                                   aikit_status status,
                                   const char *result,
                                   size_t result_len,
                                   const struct aikit_error *error);

/**
 * What is called for a watched run. Set everything to zero first, then `struct_size` to the size of
 * this struct, then what is wanted. Copied by aikit_run_watch.
 */
typedef struct aikit_run_callbacks {
  /**
   * sizeof(aikit_run_callbacks), by which a newer library sees how much an older program knows.
   */
  size_t struct_size;
  /**
   * Handed to the callbacks.
   */
  void *user_data;
  /**
   * Called for each event, in order. May be NULL.
   */
  aikit_event_callback on_event;
  /**
   * Called exactly once, after the last event. May be NULL.
   */
  aikit_end_callback on_end;
  /**
   * Called exactly once, after everything else. May be NULL.
   */
  aikit_finalizer finalizer;
} aikit_run_callbacks;

/**
 * A store that is open for administration: its tenants, its audit log, its upkeep.
 */
typedef uint64_t aikit_admin;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The stable word of the error, for instance "spec_invalid": the same in every language. Borrowed
 * from the error. NULL for a NULL error. Thread safe.
 */
const char *aikit_error_code(const struct aikit_error *error);

/**
 * The number of the error: the status that the call answered. AIKIT_OK for a NULL error. Thread
 * safe.
 */
aikit_status aikit_error_number(const struct aikit_error *error);

/**
 * What happened, in a sentence. Borrowed from the error. NULL for a NULL error. Thread safe.
 */
const char *aikit_error_message(const struct aikit_error *error);

/**
 * Where it happened: a file, or a JSON pointer into the document. Borrowed from the error. NULL if
 * that is not known. Thread safe.
 */
const char *aikit_error_path(const struct aikit_error *error);

/**
 * The line in the document, from 1; 0 if that is not known. Thread safe.
 */
uint32_t aikit_error_line(const struct aikit_error *error);

/**
 * The column in the line, from 1, in characters; 0 if that is not known. Thread safe.
 */
uint32_t aikit_error_column(const struct aikit_error *error);

/**
 * What to do about it. Borrowed from the error. NULL if that is not known. Thread safe.
 */
const char *aikit_error_hint(const struct aikit_error *error);

/**
 * Whether the same call may succeed later without a change by the caller. Thread safe.
 */
bool aikit_error_retryable(const struct aikit_error *error);

/**
 * What lay beneath, as text: a message of the system, a traceback. Borrowed from the error. NULL if
 * there is nothing. Thread safe.
 */
const char *aikit_error_cause(const struct aikit_error *error);

/**
 * The HTTP status of a model provider's answer; 0 if there was none. Thread safe.
 */
uint32_t aikit_error_http_status(const struct aikit_error *error);

/**
 * The model provider's id of the exchange, for its support. Borrowed from the error. NULL if that
 * is not known. Thread safe.
 */
const char *aikit_error_request_id(const struct aikit_error *error);

/**
 * The seconds that a model provider asked to wait; negative if it did not say. Thread safe.
 */
double aikit_error_retry_after(const struct aikit_error *error);

/**
 * The whole error as a JSON object: code, message, retryable and, where known, path, line, column,
 * hint, cause, status, request_id, retry_after and diagnostics (all findings about a spec).
 * Borrowed from the error. NULL for a NULL error. Thread safe.
 */
const char *aikit_error_json(const struct aikit_error *error);

/**
 * Frees an error and sets the pointer to NULL. Does nothing for NULL and for a pointer to NULL.
 * Texts borrowed from the error are gone afterwards.
 */
void aikit_error_free(struct aikit_error **error);

/**
 * Frees what aikit gave away and empties the struct. Does nothing for NULL and for an empty one.
 */
void aikit_bytes_free(struct aikit_bytes *bytes);

/**
 * The version of the C ABI of the library that is loaded. Compare it with AIKIT_ABI_VERSION when
 * the library is loaded by hand. Thread safe; cannot fail.
 */
uint32_t aikit_abi_version(void);

/**
 * The version of the library that is loaded, for instance "0.1.0". Static: never freed. Thread
 * safe; cannot fail.
 */
const char *aikit_version(void);

/**
 * The stable word of a status, for instance "spec_invalid"; "ok" for AIKIT_OK, "unknown" for a
 * number that this version does not know. Static: never freed. Thread safe; cannot fail.
 */
const char *aikit_status_name(aikit_status status);

/**
 * Cancels everything under way and waits until it has ended and no callback runs any more, at most
 * `timeout_ms` milliseconds. Answers how much was still under way then: 0 if all ended. For the end
 * of a program; what is called later still works. Thread safe; not to be called from a callback,
 * which it would wait for.
 */
uint32_t aikit_shutdown(uint32_t timeout_ms);

/**
 * Opens a kernel and waits until it is open.
 *
 * `options` is a JSON object, or empty for an in-memory store: location (path of an SQLite file,
 * made if need be, or the URL of a PostgreSQL database), tenant (default "default"), providers
 * ({name: {base_url, api_key, headers, wire, api_version, first_byte_ms, between_chunks_ms, total_ms, max_retries,
 * requests_per_minute, tokens_per_minute, concurrent_requests, cassette}; of "local": {folder, threads, context_tokens, cache_mb, idle_s,
 * concurrent_requests}}), actor (who acts, for the history of specs), default_model (for
 * specs that name none), policy ({allowed_tools, denied_tools, quotas}: what the tenant may do),
 * profile (path of a TOML file with settings), reader (the parent that reads the tenant's data: the
 * kernel then only reads), rls (default true: a PostgreSQL role that could leave its tenant is
 * refused). On success `*kernel` is a new handle that the caller frees with aikit_kernel_free.
 * Errors: AIKIT_INVALID_ARGUMENT, AIKIT_TENANT_INVALID; AIKIT_TENANT_NOT_FOUND (SQLite makes a tenant
 * that is not there), AIKIT_TENANT_SUSPENDED, AIKIT_ACCESS_DENIED for a reader; AIKIT_CONFIG_INVALID,
 * AIKIT_FILE_NOT_FOUND, AIKIT_FILE_UNREADABLE for the profile; AIKIT_STORE_UNAVAILABLE,
 * AIKIT_STORE_LOCKED, AIKIT_STORE_CORRUPT, AIKIT_STORE_OUTDATED, AIKIT_STORE_ROLE, AIKIT_STORE_LOST.
 * Thread safe.
 */
aikit_status aikit_kernel_open(const char *options,
                               size_t options_len,
                               aikit_kernel *kernel,
                               struct aikit_error **error);

/**
 * The tenant for which the kernel was opened.
 *
 * On success the caller owns `*tenant`, plain text. Errors: AIKIT_INVALID_HANDLE. Thread safe.
 */
aikit_status aikit_kernel_tenant(aikit_kernel kernel,
                                 struct aikit_bytes *tenant,
                                 struct aikit_error **error);

/**
 * Everything that can be said of a spec in this kernel: what aikit_spec_check says, and whether its
 * tools, models, collections, secrets and quotas are to be had here. A finding is no failure of this
 * call.
 *
 * On success the caller owns `*diagnostics`, a JSON array as aikit_spec_check gives. Errors:
 * AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store. Thread safe.
 */
aikit_status aikit_kernel_check(aikit_kernel kernel,
                                aikit_spec spec,
                                struct aikit_bytes *diagnostics,
                                struct aikit_error **error);

/**
 * The events that the store keeps of a run, as a JSON array, in order.
 *
 * On success the caller owns `*events`. Errors: AIKIT_INVALID_ARGUMENT if there is no such run,
 * AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, AIKIT_STORE_FAILED. Thread safe.
 */
aikit_status aikit_kernel_run_events(aikit_kernel kernel,
                                     const char *run_id,
                                     size_t run_id_len,
                                     struct aikit_bytes *events,
                                     struct aikit_error **error);

/**
 * What the tenant has, and what it did on the last `days` days on which it did something.
 *
 * On success the caller owns `*usage`, a JSON object: totals: {specs, documents, vectors, bytes},
 * days: [{day, runs, input_tokens, output_tokens, cost_micros}], the newest first; days are UTC, and
 * costs in millionths of a US dollar. Errors: AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those
 * of the store. Thread safe.
 */
aikit_status aikit_kernel_usage(aikit_kernel kernel,
                                uint32_t days,
                                struct aikit_bytes *usage,
                                struct aikit_error **error);

/**
 * Copies the store with all of its tenants into the new file `path`, while it is in use. SQLite
 * only.
 *
 * Errors: AIKIT_INVALID_ARGUMENT if there is something at `path` or the store is not SQLite,
 * AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store. Thread safe.
 */
aikit_status aikit_kernel_backup(aikit_kernel kernel,
                                 const char *path,
                                 size_t path_len,
                                 struct aikit_error **error);

/**
 * Every setting that holds in this kernel, or for the agents of `spec` unless that is 0, where it
 * comes from, and what it overruled. A secret is shown as what it was given by, never as itself.
 *
 * On success the caller owns `*settings`, a JSON array of {key, value, source, overruled: [{value,
 * source}]} and, where it applies, secret ("set" or "missing") and elements ([{value, source}], of a
 * list). Errors: AIKIT_INVALID_HANDLE. Thread safe.
 */
aikit_status aikit_kernel_config(aikit_kernel kernel,
                                 aikit_spec spec,
                                 struct aikit_bytes *settings,
                                 struct aikit_error **error);

/**
 * Cancels the runs under way, closes the store and waits for that. The handle stays valid until
 * aikit_kernel_free, and calls with it answer AIKIT_CLOSED. Closing twice is no error.
 *
 * Errors: AIKIT_INVALID_HANDLE, AIKIT_FORKED, AIKIT_STORE_FAILED. Thread safe.
 */
aikit_status aikit_kernel_close(aikit_kernel kernel, struct aikit_error **error);

/**
 * Frees a kernel and sets the handle to 0. Agents and runs of the kernel go on and keep its store
 * open until they are freed: close the kernel first to end them. The finalizers of its tools fire
 * with the last of these. Does nothing for NULL and for a handle that is not one of a kernel.
 * Thread safe.
 */
void aikit_kernel_free(aikit_kernel *kernel);

/**
 * Reads a spec from a text, YAML or JSON, which can extend presets and no files. Starts nothing.
 *
 * On success `*spec` is a new handle that the caller frees with aikit_spec_free. Errors:
 * AIKIT_SPEC_INVALID with line, column and all diagnostics, AIKIT_SPEC_TOO_LARGE,
 * AIKIT_INVALID_UTF8. Thread safe.
 */
aikit_status aikit_spec_parse(const char *source,
                              size_t source_len,
                              aikit_spec *spec,
                              struct aikit_error **error);

/**
 * Reads a spec from a text that can extend files of the folder `base`; with an empty `base` as
 * aikit_spec_parse.
 *
 * On success `*spec` is a new handle that the caller frees with aikit_spec_free. Errors: those of
 * aikit_spec_parse. Thread safe.
 */
aikit_status aikit_spec_parse_in(const char *source,
                                 size_t source_len,
                                 const char *base,
                                 size_t base_len,
                                 aikit_spec *spec,
                                 struct aikit_error **error);

/**
 * Reads a spec from a file, which can extend files of its folder.
 *
 * On success `*spec` is a new handle that the caller frees with aikit_spec_free. Errors: those of
 * aikit_spec_parse, AIKIT_FILE_NOT_FOUND, AIKIT_FILE_UNREADABLE. Thread safe.
 */
aikit_status aikit_spec_read(const char *path,
                             size_t path_len,
                             aikit_spec *spec,
                             struct aikit_error **error);

/**
 * What a spec that could be read still deserves to be told, as a JSON array of diagnostics: code,
 * severity, message, path, line, column, end_line, end_column and, where known, file and hint. An
 * empty array for a spec without findings. What a kernel has to say is told by aikit_kernel_check.
 *
 * On success the caller owns `*diagnostics`. Errors: AIKIT_INVALID_HANDLE. Thread safe.
 */
aikit_status aikit_spec_check(aikit_spec spec,
                              struct aikit_bytes *diagnostics,
                              struct aikit_error **error);

/**
 * The whole spec as a JSON document, without what has its default value.
 *
 * On success the caller owns `*json`. Errors: AIKIT_INVALID_HANDLE. Thread safe.
 */
aikit_status aikit_spec_json(aikit_spec spec, struct aikit_bytes *json, struct aikit_error **error);

/**
 * What identifies a spec, as a JSON object: agent_id, name, version, model (empty if it names none),
 * hash ("sha256:" and 64 digits, equal for texts that mean the same) and text (as it was read; the
 * whole as YAML if it extends others).
 *
 * On success the caller owns `*json`. Errors: AIKIT_INVALID_HANDLE. Thread safe.
 */
aikit_status aikit_spec_info(aikit_spec spec,
                             struct aikit_bytes *json,
                             struct aikit_error **error);

/**
 * Writes a spec out. `format` is "yaml" or "json", the whole document, which gives the same spec when
 * it is read; or "oracle" (Open Agent Spec) or "a2a" (an agent card).
 *
 * On success the caller owns `*rendered`, plain text. Errors: AIKIT_INVALID_ARGUMENT for another
 * format, and for a spec that a foreign format cannot tell; AIKIT_INVALID_HANDLE. Thread safe.
 */
aikit_status aikit_spec_render(aikit_spec spec,
                               const char *format,
                               size_t format_len,
                               struct aikit_bytes *rendered,
                               struct aikit_error **error);

/**
 * What differs between two specs, as a JSON array: path (in the whole document), kind ("added",
 * "removed" or "changed"), before, after. Empty for specs that mean the same.
 *
 * On success the caller owns `*changes`. Errors: AIKIT_INVALID_HANDLE. Thread safe.
 */
aikit_status aikit_spec_diff(aikit_spec before,
                             aikit_spec after,
                             struct aikit_bytes *changes,
                             struct aikit_error **error);

/**
 * Frees a spec and sets the handle to 0. Agents made from it go on. Does nothing for NULL and for a
 * handle that is not one of a spec.
 */
void aikit_spec_free(aikit_spec *spec);

/**
 * Everything that can be said of the text of a spec: errors, warnings and infos. A bad spec is no
 * failure of this call.
 *
 * `options` is a JSON object or empty: base (the folder whose files the text can extend), format,
 * file (what the text is called in the form "text"). On success the caller owns `*findings`: with
 * the format "json", the default, a JSON array of diagnostics as aikit_spec_check gives; with "lsp"
 * one of diagnostics of the Language Server Protocol; with "text" plain text for a terminal, empty
 * if there is nothing to say. Errors: AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_UTF8. Thread safe.
 */
aikit_status aikit_spec_diagnose(const char *source,
                                 size_t source_len,
                                 const char *options,
                                 size_t options_len,
                                 struct aikit_bytes *findings,
                                 struct aikit_error **error);

/**
 * Sets one value in the text of a spec; everything else, comments too, stays as it was.
 *
 * `pointer` is a JSON pointer into the text as it stands, for instance "/intelligence/temperature";
 * `value` is JSON. On success the caller owns `*edited`, the new text. Errors: AIKIT_SPEC_INVALID if
 * the text has errors or would have them, AIKIT_INVALID_ARGUMENT if there is no such place or its
 * value cannot be set in place, AIKIT_INVALID_UTF8. Thread safe.
 */
aikit_status aikit_spec_edit(const char *source,
                             size_t source_len,
                             const char *pointer,
                             size_t pointer_len,
                             const char *value,
                             size_t value_len,
                             struct aikit_bytes *edited,
                             struct aikit_error **error);

/**
 * Reads an agent of another system and gives specs for it.
 *
 * `options` is a JSON object or empty: from (one of "oracle", "open-agent-spec", "docker-agent",
 * "adl", "google-adk", "agent-framework", "crewai"; else the format is recognised), file (what the
 * text is called). On success the caller owns `*imported`, a JSON object: format, specs ([{name,
 * text}]), report ([{kind, path, to, note}], in which each leaf of the source stands once as
 * "kept", "changed" or "lost"). Errors: AIKIT_INVALID_ARGUMENT, AIKIT_SPEC_INVALID,
 * AIKIT_SPEC_TOO_LARGE, AIKIT_INVALID_UTF8. Thread safe.
 */
aikit_status aikit_spec_import(const char *source,
                               size_t source_len,
                               const char *options,
                               size_t options_len,
                               struct aikit_bytes *imported,
                               struct aikit_error **error);

/**
 * The JSON Schema of specs, for editors and other tools.
 *
 * On success the caller owns `*schema`, a JSON object. Errors: AIKIT_INVALID_ARGUMENT if `schema` is
 * NULL. Thread safe.
 */
aikit_status aikit_spec_schema(struct aikit_bytes *schema,
                               struct aikit_error **error);

/**
 * Keeps a spec in the repository of the kernel's tenant as a draft, and waits until that is done.
 *
 * `options` is a JSON object or empty: by (who; else the kernel's actor), why, replaces (the hash of
 * the draft that is replaced). On success the caller owns `*record`, a JSON object: agent_id,
 * version, status ("draft", "active", "deprecated" or "retired"), hash, name, description, tags,
 * model, created_at, created_by, updated_at, sunset, successor, document, text. Errors:
 * AIKIT_SPEC_CONFLICT if the version is there and is not the one that `replaces` says,
 * AIKIT_SPEC_IMMUTABLE if it is no draft any more, AIKIT_TENANT_MISMATCH, AIKIT_INVALID_ARGUMENT,
 * AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store. Thread safe.
 */
aikit_status aikit_specs_save(aikit_kernel kernel,
                              aikit_spec spec,
                              const char *options,
                              size_t options_len,
                              struct aikit_bytes *record,
                              struct aikit_error **error);

/**
 * The record of a version. `reference` is "id@version", or "id" for the active version.
 *
 * On success the caller owns `*record`, as described at aikit_specs_save. Errors:
 * AIKIT_SPEC_NOT_FOUND, AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED,
 * those of the store. Thread safe.
 */
aikit_status aikit_specs_get(aikit_kernel kernel,
                             const char *reference,
                             size_t reference_len,
                             struct aikit_bytes *record,
                             struct aikit_error **error);

/**
 * A version as a spec. `reference` is "id@version", or "id" for the active version.
 *
 * On success `*spec` is a new handle that the caller frees with aikit_spec_free. Errors:
 * AIKIT_SPEC_RETIRED and those of aikit_specs_get. Thread safe.
 */
aikit_status aikit_specs_load(aikit_kernel kernel,
                              const char *reference,
                              size_t reference_len,
                              aikit_spec *spec,
                              struct aikit_error **error);

/**
 * A page of versions, in the order of id and version.
 *
 * `options` is a JSON object or empty: status, tag, text (words of id, name, description and tags),
 * agent_id, of which all that are given must hold; limit (1 to 500, default 50), after (`next` of
 * the page before). On success the caller owns `*page`, a JSON object: specs (records without
 * document and text), next (null on the last page). Errors: AIKIT_INVALID_ARGUMENT,
 * AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store. Thread safe.
 */
aikit_status aikit_specs_list(aikit_kernel kernel,
                              const char *options,
                              size_t options_len,
                              struct aikit_bytes *page,
                              struct aikit_error **error);

/**
 * Every change of an agent's versions, oldest first; also of drafts that were deleted.
 *
 * On success the caller owns `*history`, a JSON array: seq, agent_id, version, change ("saved",
 * "replaced", "promoted", "deprecated", "retired", "deleted" or "imported"), from, to (states), at,
 * by, why, hash. Errors: those of aikit_specs_get. Thread safe.
 */
aikit_status aikit_specs_history(aikit_kernel kernel,
                                 const char *agent_id,
                                 size_t agent_id_len,
                                 struct aikit_bytes *history,
                                 struct aikit_error **error);

/**
 * What differs between two versions, each "id@version" or "id".
 *
 * On success the caller owns `*changes`, as described at aikit_spec_diff. Errors: those of
 * aikit_specs_get. Thread safe.
 */
aikit_status aikit_specs_diff(aikit_kernel kernel,
                              const char *before,
                              size_t before_len,
                              const char *after,
                              size_t after_len,
                              struct aikit_bytes *changes,
                              struct aikit_error **error);

/**
 * Makes a draft or deprecated version the active one. The one before is deprecated, with this one as
 * its successor. Agents made before keep the version that they were made from.
 *
 * `reference` is "id@version". `options` is a JSON object or empty: by (who; else the kernel's
 * actor), why. On success the caller owns `*record`, as described at aikit_specs_save. Errors:
 * AIKIT_SPEC_STATE if the version is active or retired, AIKIT_SPEC_NOT_FOUND,
 * AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store.
 * Thread safe.
 */
aikit_status aikit_specs_promote(aikit_kernel kernel,
                                 const char *reference,
                                 size_t reference_len,
                                 const char *options,
                                 size_t options_len,
                                 struct aikit_bytes *record,
                                 struct aikit_error **error);

/**
 * Deprecates the active version, so that the agent has none.
 *
 * `options` as for aikit_specs_promote, and: sunset (an RFC 3339 time or a date), successor (a
 * version of the agent, or "id@version" of another). On success the caller owns `*record`, as
 * described at aikit_specs_save. Errors: AIKIT_SPEC_STATE if the version is not active,
 * AIKIT_SPEC_NOT_FOUND, also for the successor, and the others of aikit_specs_promote. Thread safe.
 */
aikit_status aikit_specs_deprecate(aikit_kernel kernel,
                                   const char *reference,
                                   size_t reference_len,
                                   const char *options,
                                   size_t options_len,
                                   struct aikit_bytes *record,
                                   struct aikit_error **error);

/**
 * Retires a deprecated version: it makes no agents any more.
 *
 * `options` as for aikit_specs_promote. On success the caller owns `*record`, as described at
 * aikit_specs_save. Errors: AIKIT_SPEC_STATE if the version is not deprecated, and the others of
 * aikit_specs_promote. Thread safe.
 */
aikit_status aikit_specs_retire(aikit_kernel kernel,
                                const char *reference,
                                size_t reference_len,
                                const char *options,
                                size_t options_len,
                                struct aikit_bytes *record,
                                struct aikit_error **error);

/**
 * Removes a draft; its history stays.
 *
 * `reference` is "id@version". `options` as for aikit_specs_promote. Errors: AIKIT_SPEC_IMMUTABLE if
 * the version is no draft, AIKIT_SPEC_NOT_FOUND, AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_HANDLE,
 * AIKIT_CLOSED, AIKIT_FORKED, those of the store. Thread safe.
 */
aikit_status aikit_specs_delete(aikit_kernel kernel,
                                const char *reference,
                                size_t reference_len,
                                const char *options,
                                size_t options_len,
                                struct aikit_error **error);

/**
 * All versions with their history, for aikit_specs_import into another repository.
 *
 * `options` is a JSON object or empty: agent_id (this agent alone). On success the caller owns
 * `*bundle`, a JSON object: format, specs, history. Errors: AIKIT_INVALID_ARGUMENT,
 * AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store. Thread safe.
 */
aikit_status aikit_specs_export(aikit_kernel kernel,
                                const char *options,
                                size_t options_len,
                                struct aikit_bytes *bundle,
                                struct aikit_error **error);

/**
 * Takes in what aikit_specs_export gave, all or nothing. States, times and history come along.
 *
 * `options` is a JSON object or empty: by (who; else the kernel's actor), why, on_conflict ("fail",
 * the default, or "skip" for versions that are there already). On success the caller owns `*report`,
 * a JSON object: imported and skipped, arrays of "id@version". Errors: AIKIT_SPEC_CONFLICT if a
 * version is there already, AIKIT_TENANT_MISMATCH, AIKIT_INVALID_ARGUMENT for what is no bundle,
 * AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store. Thread safe.
 */
aikit_status aikit_specs_import(aikit_kernel kernel,
                                const char *bundle,
                                size_t bundle_len,
                                const char *options,
                                size_t options_len,
                                struct aikit_bytes *report,
                                struct aikit_error **error);

/**
 * Takes a file or a folder into a collection, which is made if need be, and waits until that is
 * done. What did not change since the last time costs nothing.
 *
 * `options` is a JSON object or empty: embedding_model (makes the vectors; default
 * "builtin/static-v1", the one inside the library), strategy ("keyword" makes none). On success the
 * caller owns `*report`, a JSON object: added, updated, unchanged, removed, chunks, skipped ([{path, code, reason}]). Errors:
 * AIKIT_COLLECTION_INVALID, AIKIT_FILE_NOT_FOUND, AIKIT_FILE_UNREADABLE, AIKIT_INVALID_ARGUMENT,
 * AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store and of the embedding model.
 * Thread safe.
 */
aikit_status aikit_collection_ingest(aikit_kernel kernel,
                                     const char *name,
                                     size_t name_len,
                                     const char *path,
                                     size_t path_len,
                                     const char *options,
                                     size_t options_len,
                                     struct aikit_bytes *report,
                                     struct aikit_error **error);

/**
 * Searches a collection and waits for the passages.
 *
 * `options` is a JSON object or empty: top_k (default 5), strategy ("keyword", "vector" or, by
 * default, "hybrid"), embedding_model (default as of aikit_collection_ingest). On success the caller
 * owns `*passages`, a JSON array, best first: source, title, text, score, chunk, start_line. Errors:
 * AIKIT_COLLECTION_INVALID, AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_HANDLE, AIKIT_CLOSED,
 * AIKIT_FORKED, those of the store and of the embedding model. Thread safe.
 */
aikit_status aikit_collection_search(aikit_kernel kernel,
                                     const char *name,
                                     size_t name_len,
                                     const char *query,
                                     size_t query_len,
                                     const char *options,
                                     size_t options_len,
                                     struct aikit_bytes *passages,
                                     struct aikit_error **error);

/**
 * The documents of a collection.
 *
 * On success the caller owns `*documents`, a JSON array: source, title, chunks, bytes. Errors:
 * AIKIT_COLLECTION_INVALID, AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, AIKIT_STORE_FAILED.
 * Thread safe.
 */
aikit_status aikit_collection_documents(aikit_kernel kernel,
                                        const char *name,
                                        size_t name_len,
                                        struct aikit_bytes *documents,
                                        struct aikit_error **error);

/**
 * Registers a tool; agents whose spec names it may use it.
 *
 * `definition` is a JSON object: name, description, parameters (a JSON Schema of an object),
 * timeout_ms (default 30000: a call that is not answered by then fails with AIKIT_TOOL_TIMEOUT, and
 * the run goes on). The callback runs on the thread that waits for the run or takes its events; of
 * a watched run, on that run's watcher thread. So two runs that are taken from by two threads may
 * call it at the same time.
 *
 * `finalizer` may be NULL. It fires exactly once: when the kernel, its agents and its runs are all
 * freed, or before this function returns if it fails. Errors: AIKIT_INVALID_ARGUMENT,
 * AIKIT_TOOL_EXISTS, AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED. Thread safe.
 */
aikit_status aikit_tool_register(aikit_kernel kernel,
                                 const char *definition,
                                 size_t definition_len,
                                 aikit_tool_callback callback,
                                 void *user_data,
                                 aikit_finalizer finalizer,
                                 struct aikit_error **error);

/**
 * Registers a function that answers in the place of a model; specs name it `host/NAME`.
 *
 * `definition` is a JSON object: name, timeout_ms (default 120000: an answer that is not there by then
 * fails the call with AIKIT_MODEL_UNAVAILABLE). The callback gets the request as its arguments:
 * model, messages ([{role, content, tool_calls, tool_call_id, name, is_error, images, reasoning}]),
 * tools ([{name, description, parameters}]), tool_choice, parallel_tool_calls and, where they are
 * set, temperature, top_p, max_tokens, stop, seed, reasoning_effort, output_schema,
 * provider_options. It answers with aikit_tool_reply_ok: a JSON text, which is the answer, or an
 * object with text, reasoning, tool_calls ([{name, arguments, id}]), usage ({input_tokens,
 * output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens}) and finish_reason, of
 * which text or tool_calls must be there; anything else fails the run with
 * AIKIT_MODEL_INVALID_RESPONSE. aikit_tool_reply_error fails the call with AIKIT_MODEL_UNAVAILABLE.
 *
 * On which thread the callback runs, and when `finalizer` fires: as for aikit_tool_register. Errors:
 * AIKIT_INVALID_ARGUMENT (also for a name that is taken), AIKIT_INVALID_HANDLE, AIKIT_CLOSED,
 * AIKIT_FORKED. Thread safe.
 */
aikit_status aikit_model_register(aikit_kernel kernel,
                                  const char *definition,
                                  size_t definition_len,
                                  aikit_tool_callback callback,
                                  void *user_data,
                                  aikit_finalizer finalizer,
                                  struct aikit_error **error);

/**
 * Calls a registered tool directly and waits for its result. A tool of the host's runs on this
 * thread.
 *
 * `arguments` is a JSON object or empty. On success the caller owns `*result`, JSON. Errors:
 * AIKIT_TOOL_UNKNOWN, AIKIT_TOOL_INVALID_ARGUMENTS, AIKIT_TOOL_FAILED, AIKIT_TOOL_TIMEOUT,
 * AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED. Thread safe.
 */
aikit_status aikit_tool_call(aikit_kernel kernel,
                             const char *name,
                             size_t name_len,
                             const char *arguments,
                             size_t arguments_len,
                             struct aikit_bytes *result,
                             struct aikit_error **error);

/**
 * Answers a call with a result: any JSON.
 *
 * The handle is used up by the first answer, unless that is refused with AIKIT_INVALID_ARGUMENT or
 * AIKIT_INVALID_UTF8. Errors: AIKIT_INVALID_HANDLE (answered before, or the run has ended),
 * AIKIT_TOOL_TIMEOUT (nobody waits any more). Thread safe; also while the callback still runs.
 */
aikit_status aikit_tool_reply_ok(aikit_reply reply,
                                 const char *result,
                                 size_t result_len,
                                 struct aikit_error **error);

/**
 * Answers a call with a failure. The model sees `message`; `cause` (may be empty) is kept in the
 * event. The run goes on.
 *
 * The handle is used up by the first answer. Errors: as aikit_tool_reply_ok. Thread safe; also
 * while the callback still runs.
 */
aikit_status aikit_tool_reply_error(aikit_reply reply,
                                    const char *message,
                                    size_t message_len,
                                    const char *cause,
                                    size_t cause_len,
                                    struct aikit_error **error);

/**
 * Makes an agent from a spec. The spec can be freed afterwards.
 *
 * `options` is a JSON object or empty: model (instead of the spec's). On success `*agent` is a new
 * handle that the caller frees with aikit_agent_free. Errors: AIKIT_TENANT_MISMATCH,
 * AIKIT_TOOL_UNKNOWN, AIKIT_TOOL_DENIED, AIKIT_MODEL_UNKNOWN and AIKIT_SPEC_INVALID with line, column
 * and all diagnostics, AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED.
 * Thread safe.
 */
aikit_status aikit_agent_new(aikit_kernel kernel,
                             aikit_spec spec,
                             const char *options,
                             size_t options_len,
                             aikit_agent *agent,
                             struct aikit_error **error);

/**
 * Makes an agent from a spec file.
 *
 * As aikit_agent_new, with the errors of aikit_spec_read. Thread safe.
 */
aikit_status aikit_agent_read(aikit_kernel kernel,
                              const char *path,
                              size_t path_len,
                              const char *options,
                              size_t options_len,
                              aikit_agent *agent,
                              struct aikit_error **error);

/**
 * Makes an agent from what `reference` names: a spec file, if it has a "/" or ends in .yaml, .yml or
 * .json; else a version in the repository, "id@version" or "id" for the active one. The agent keeps
 * its version, whatever is promoted later.
 *
 * As aikit_agent_new, with the errors of aikit_spec_read and of aikit_specs_load. Thread safe.
 */
aikit_status aikit_agent_open(aikit_kernel kernel,
                              const char *reference,
                              size_t reference_len,
                              const char *options,
                              size_t options_len,
                              aikit_agent *agent,
                              struct aikit_error **error);

/**
 * What identifies an agent, as a JSON object: agent_id, name (with its template filled in), version,
 * model (the one in use).
 *
 * On success the caller owns `*json`. Errors: AIKIT_INVALID_HANDLE. Thread safe.
 */
aikit_status aikit_agent_info(aikit_agent agent,
                              struct aikit_bytes *json,
                              struct aikit_error **error);

/**
 * Runs an agent to the end. Tools of the host's run on this thread.
 *
 * `options` is a JSON object or empty: run_id, max_turns, timeout_ms, tokens_per_run, cost_usd_per_run
 * (budgets, in place of the spec's), inputs (an object of values for the templates of the prompts, as the
 * spec's interface.input_schema declares them), images (a list of {data: base64} or {url}, with an optional
 * media_type), output_schema (a JSON Schema, in place of the spec's interface.output_schema). On success the
 * caller owns `*result`, a JSON object: run_id, status ("finished" or "cancelled"), text, output (where there
 * is an output schema: JSON that fits it), citations, usage, turns, finish_reason, model. Errors:
 * AIKIT_TURN_LIMIT, AIKIT_TIMEOUT, AIKIT_OUTPUT_INVALID, AIKIT_BUDGET_EXCEEDED, those of models and of the
 * store, AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED. Thread safe.
 */
aikit_status aikit_agent_run(aikit_agent agent,
                             const char *input,
                             size_t input_len,
                             const char *options,
                             size_t options_len,
                             struct aikit_bytes *result,
                             struct aikit_error **error);

/**
 * Starts a run and does not wait.
 *
 * `options` as for aikit_agent_run; wrong ones are told by whatever takes from the run. On success
 * `*run` is a new handle that the caller frees with aikit_run_free. Take from it with
 * aikit_run_wait, aikit_run_next_event or aikit_run_watch: a run of which nobody takes is held back
 * after 256 events, and its tools are not called. Errors: AIKIT_INVALID_HANDLE,
 * AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_UTF8. Thread safe.
 */
aikit_status aikit_agent_start(aikit_agent agent,
                               const char *input,
                               size_t input_len,
                               const char *options,
                               size_t options_len,
                               aikit_run *run,
                               struct aikit_error **error);

/**
 * Frees an agent and sets the handle to 0. Its runs go on. Does nothing for NULL and for a handle
 * that is not one of an agent. Thread safe.
 */
void aikit_agent_free(aikit_agent *agent);

/**
 * Waits for the end of a run, at most `timeout_ms` milliseconds; a negative number means for ever.
 * Events are passed over. Tools of the host's run on this thread.
 *
 * On success the caller owns `*result`, as described at aikit_agent_run; the result is given once.
 * A cancelled run succeeds with status "cancelled" and what there was until then. Errors:
 * AIKIT_TIMEOUT if the run goes on (call again) or its own timeout_ms ran out (then the run has
 * ended), AIKIT_RUN_ENDED if the result was taken before, those of aikit_agent_run,
 * AIKIT_INVALID_ARGUMENT if another thread takes from this run. Thread safe.
 */
aikit_status aikit_run_wait(aikit_run run,
                            int64_t timeout_ms,
                            struct aikit_bytes *result,
                            struct aikit_error **error);

/**
 * Takes the next event of a run, waiting at most `timeout_ms` milliseconds; 0 does not wait, a
 * negative number means for ever. Tools of the host's run on this thread.
 *
 * On success `*state` is AIKIT_NEXT_EVENT, and the caller owns `*event`, a JSON object with type,
 * run_id, seq and the fields of its type; or AIKIT_NEXT_PENDING or AIKIT_NEXT_ENDED, and `*event`
 * is empty. How the run ended is told by its last event and by aikit_run_wait. Errors:
 * AIKIT_INVALID_ARGUMENT if another thread takes from this run, AIKIT_INVALID_HANDLE,
 * AIKIT_FORKED. Thread safe.
 */
aikit_status aikit_run_next_event(aikit_run run,
                                  int64_t timeout_ms,
                                  int32_t *state,
                                  struct aikit_bytes *event,
                                  struct aikit_error **error);

/**
 * A descriptor that is readable while aikit_run_next_event has something to do: an event, a tool
 * call, or the end. For poll, epoll and event loops: when it is readable, call aikit_run_next_event
 * with timeout 0 until it answers AIKIT_NEXT_PENDING or AIKIT_NEXT_ENDED.
 *
 * On success `*fd` is owned by the run: watch it, neither read nor close it, and stop watching it
 * before the run is freed. Errors: AIKIT_INVALID_HANDLE, AIKIT_INVALID_ARGUMENT if the process has
 * no descriptor left. Thread safe.
 */
aikit_status aikit_run_fd(aikit_run run, int32_t *fd, struct aikit_error **error);

/**
 * Asks a run to stop. It ends soon after with the event run_cancelled and a result with status
 * "cancelled". Does not wait. Cancelling twice, or after the end, is no error.
 *
 * Errors: AIKIT_INVALID_HANDLE. Thread safe: from any thread, also while another one waits, and
 * from callbacks.
 */
aikit_status aikit_run_cancel(aikit_run run, struct aikit_error **error);

/**
 * Frees a run and sets the handle to 0. A run that has not ended is cancelled; of a watched run the
 * callbacks still see that end. Does nothing for NULL and for a handle that is not one of a run.
 * Thread safe; also while another thread waits for the run, and from callbacks.
 */
void aikit_run_free(aikit_run *run);

/**
 * Has a run watched by a thread of its own, which takes its events and calls its tools, then the
 * callbacks. Does not wait. All callbacks of one run come one after the other on that thread, and
 * may call everything but aikit_shutdown. A slow callback holds the run back, and nothing is lost.
 *
 * The finalizer of `callbacks` fires exactly once if `callbacks` could be read: after the end of
 * the run (finished, failed, cancelled), or before this function returns if it fails; so
 * `user_data` belongs to aikit from this call on. Errors: AIKIT_INVALID_ARGUMENT for a NULL
 * `callbacks`, a wrong struct_size, or a process without threads left; AIKIT_INVALID_HANDLE. That
 * something else takes from the run is told to `on_end`. Thread safe.
 */
aikit_status aikit_run_watch(aikit_run run,
                             const struct aikit_run_callbacks *callbacks,
                             struct aikit_error **error);

/**
 * Opens a store for administration and waits until it is open. On SQLite whoever may write the file
 * is an administrator; on PostgreSQL the login is a member of the role aikit_admin.
 *
 * `options` is a JSON object: location (path of an SQLite file, made if need be, or the URL of a
 * PostgreSQL database), actor (who acts, for the audit log), profile (path of a TOML file that
 * names them otherwise). On success `*admin` is a new handle that the caller frees with
 * aikit_admin_free. Errors: AIKIT_INVALID_ARGUMENT, also if nobody is named who acts;
 * AIKIT_CONFIG_INVALID, AIKIT_FILE_NOT_FOUND, AIKIT_FILE_UNREADABLE for the profile;
 * AIKIT_STORE_UNAVAILABLE, AIKIT_STORE_LOCKED, AIKIT_STORE_CORRUPT, AIKIT_STORE_OUTDATED,
 * AIKIT_STORE_ROLE. Thread safe.
 */
aikit_status aikit_admin_open(const char *options,
                              size_t options_len,
                              aikit_admin *admin,
                              struct aikit_error **error);

/**
 * Does one operation of an administrator and waits for its end. What it changes is in the audit log.
 *
 * The operations, with their arguments and results: see ADMINISTRATION above. `arguments` is a JSON
 * object of named values, or empty where none is needed.
 *
 * On success the caller owns `*result`, JSON. Errors: AIKIT_INVALID_ARGUMENT for an unknown
 * operation or argument; AIKIT_TENANT_NOT_FOUND, AIKIT_TENANT_EXISTS, AIKIT_TENANT_INVALID,
 * AIKIT_TENANT_SUSPENDED, AIKIT_CONFIG_INVALID, AIKIT_ARCHIVE_INVALID; AIKIT_STORE_LOST,
 * AIKIT_STORE_CONFLICT and the others of the store; AIKIT_INVALID_HANDLE, AIKIT_CLOSED,
 * AIKIT_FORKED. A broken audit log is no failure of verify_audit: its result says where. Thread
 * safe.
 */
aikit_status aikit_admin_call(aikit_admin admin,
                              const char *operation,
                              size_t operation_len,
                              const char *arguments,
                              size_t arguments_len,
                              struct aikit_bytes *result,
                              struct aikit_error **error);

/**
 * Finishes what was begun, closes the store and waits for that. The handle stays valid until
 * aikit_admin_free, and calls with it answer AIKIT_CLOSED. Closing twice is no error.
 *
 * Errors: AIKIT_INVALID_HANDLE, AIKIT_FORKED, AIKIT_STORE_FAILED. Thread safe.
 */
aikit_status aikit_admin_close(aikit_admin admin, struct aikit_error **error);

/**
 * Frees an administrator's handle and sets it to 0; the store is closed if that was not done. Does
 * nothing for NULL and for a handle that is not one of an administrator. Thread safe.
 */
void aikit_admin_free(aikit_admin *admin);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* AIKIT_H */
