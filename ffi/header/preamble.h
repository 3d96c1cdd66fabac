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
