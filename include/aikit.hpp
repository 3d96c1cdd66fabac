// aikit.hpp: aikit in C++17, header only, over aikit.h.
//
// Every failing call throws aikit::Error. Objects are move-only, free themselves, and may be used from
// any thread as aikit.h says. Documents (options, arguments, events, results) are JSON text in
// std::string: read them with the JSON library that your program has. A guide is docs/c.md.
//
//     aikit::Kernel kernel;
//     kernel.tool(R"({"name": "roll", "parameters": {"type": "object"}})",
//                 [](std::string_view) { return std::string("4"); });
//     aikit::Run run = kernel.agent("agent.yaml").start("Roll a die");
//     for (const std::string &event : run.events()) std::puts(event.c_str());
//     std::string result = run.wait();
#ifndef AIKIT_HPP
#define AIKIT_HPP

#include "aikit.h"
#include "aikit_base.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace aikit {

/// The version of the library, for instance "0.1.0".
inline std::string_view version() { return aikit_version(); }

/// Cancels everything under way and waits for its end; gives how much was left.
inline std::uint32_t shutdown(std::chrono::milliseconds timeout) {
    return aikit_shutdown(static_cast<std::uint32_t>(timeout.count()));
}

/// The declaration of an agent.
class Spec {
  public:
    explicit Spec(aikit_spec spec) : handle_(spec) {}

    /// Reads a spec from YAML or JSON text, which can extend files of the folder `base` if one is
    /// given.
    static Spec parse(std::string_view source, std::string_view base = {}) {
        aikit_spec spec = 0;
        detail::Check check;
        check(aikit_spec_parse_in(source.data(), source.size(), base.data(), base.size(), &spec,
                                  check));
        return Spec(spec);
    }
    /// Reads a spec from a file, which can extend files of its folder.
    static Spec read(std::string_view path) {
        aikit_spec spec = 0;
        detail::Check check;
        check(aikit_spec_read(path.data(), path.size(), &spec, check));
        return Spec(spec);
    }

    /// Findings, as a JSON array of diagnostics.
    std::string check() const { return ask(aikit_spec_check); }
    /// The whole spec as JSON.
    std::string json() const { return ask(aikit_spec_json); }
    /// agent_id, name, version, model, hash and text as a JSON object.
    std::string info() const { return ask(aikit_spec_info); }
    /// "sha256:" and 64 digits; equal for texts that mean the same.
    std::string hash() const {
        // A quote inside of a text of a JSON object is escaped, so this is found only as its key.
        constexpr std::string_view key = "\"hash\":\"";
        const std::string all = info();
        const std::size_t from = all.find(key) + key.size();
        return all.substr(from, all.find('"', from) - from);
    }
    /// The spec written out: "yaml", "json", "oracle" or "a2a".
    std::string render(std::string_view format) const {
        return detail::ask(aikit_spec_render, handle(), format.data(), format.size());
    }
    /// What changes from this spec to the other, as a JSON array.
    std::string diff(const Spec &other) const {
        return detail::ask(aikit_spec_diff, handle(), other.handle());
    }
    /// The handle, for the C functions.
    aikit_spec handle() const noexcept { return handle_.get(); }

  private:
    std::string ask(aikit_status (*function)(aikit_spec, aikit_bytes *, aikit_error **)) const {
        return detail::ask(function, handle());
    }

    detail::Handle<aikit_spec_free> handle_;
};

/// Everything that can be said of the text of a spec. A bad spec does not throw. `options` is a
/// JSON object: base, format ("json", "lsp", or "text" for terminals), file.
inline std::string diagnose(std::string_view source, std::string_view options = {}) {
    return detail::ask(aikit_spec_diagnose, source.data(), source.size(), options.data(),
                       options.size());
}

/// The text of a spec with the value at a JSON pointer set to `value`, which is JSON. Everything
/// else, comments too, stays as it was.
inline std::string edit_spec(std::string_view source, std::string_view pointer,
                             std::string_view value) {
    return detail::ask(aikit_spec_edit, source.data(), source.size(), pointer.data(),
                       pointer.size(), value.data(), value.size());
}

/// Reads an agent of another system: format, specs and report as a JSON object. `options` is a JSON
/// object: from (else the format is recognised), file.
inline std::string import_spec(std::string_view source, std::string_view options = {}) {
    return detail::ask(aikit_spec_import, source.data(), source.size(), options.data(),
                       options.size());
}

/// The JSON Schema of specs.
inline std::string spec_schema() {
    return detail::ask(aikit_spec_schema);
}

/// The events of a run, for a range-based for loop. Ends with the run.
class Events {
  public:
    class iterator {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = std::string;
        using difference_type = std::ptrdiff_t;
        using pointer = const std::string *;
        using reference = const std::string &;

        iterator() = default;
        explicit iterator(aikit_run run) : run_(run) { ++*this; }
        reference operator*() const { return event_; }
        pointer operator->() const { return &event_; }
        iterator &operator++() {
            std::int32_t state = AIKIT_NEXT_ENDED;
            aikit_bytes event{};
            detail::Check check;
            check(aikit_run_next_event(run_, -1, &state, &event, check));
            event_ = detail::take(event);
            if (state != AIKIT_NEXT_EVENT) run_ = 0;
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(const iterator &other) const { return run_ == other.run_; }
        bool operator!=(const iterator &other) const { return run_ != other.run_; }

      private:
        aikit_run run_ = 0;
        std::string event_;
    };

    explicit Events(aikit_run run) : run_(run) {}
    iterator begin() const { return iterator(run_); }
    iterator end() const { return iterator(); }

  private:
    aikit_run run_;
};

/// One question to an agent. Destroying it cancels what has not ended.
class Run {
  public:
    explicit Run(aikit_run run) : handle_(run) {}

    /// The events as JSON objects, waiting for each. The Run must outlive them.
    Events events() const { return Events(handle()); }

    /// The next event within the time allowed; nothing if there is none or if the run has ended.
    std::optional<std::string> next(std::optional<std::chrono::milliseconds> timeout = {}) {
        std::int32_t state = AIKIT_NEXT_PENDING;
        aikit_bytes event{};
        detail::Check check;
        check(aikit_run_next_event(handle(), detail::milliseconds(timeout), &state, &event, check));
        std::string text = detail::take(event);
        ended_ = state == AIKIT_NEXT_ENDED;
        if (state != AIKIT_NEXT_EVENT) return std::nullopt;
        return text;
    }
    /// Whether next() has come to the end.
    bool ended() const noexcept { return ended_; }

    /// The result as a JSON object. Given once. Throws AIKIT_TIMEOUT if the run goes on.
    std::string wait(std::optional<std::chrono::milliseconds> timeout = {}) {
        return detail::ask(aikit_run_wait, handle(), detail::milliseconds(timeout));
    }

    /// Asks the run to stop. From any thread.
    void cancel() {
        detail::Check check;
        check(aikit_run_cancel(handle(), check));
    }
    /// Readable while next(0ms) has something to do. Owned by the run.
    int fd() const {
        std::int32_t fd = -1;
        detail::Check check;
        check(aikit_run_fd(handle(), &fd, check));
        return fd;
    }
    /// The handle, for the C functions.
    aikit_run handle() const noexcept { return handle_.get(); }

  private:
    detail::Handle<aikit_run_free> handle_;
    bool ended_ = false;
};

/// A spec that was made ready to run.
class Agent {
  public:
    explicit Agent(aikit_agent agent) : handle_(agent) {}

    /// Runs to the end; gives the result as a JSON object. `options` is a JSON object: run_id,
    /// max_turns, timeout_ms, inputs, images, output_schema.
    std::string run(std::string_view input, std::string_view options = {}) const {
        return detail::ask(aikit_agent_run, handle(), input.data(), input.size(), options.data(),
                           options.size());
    }
    /// Starts a run and does not wait.
    Run start(std::string_view input, std::string_view options = {}) const {
        aikit_run run = 0;
        detail::Check check;
        check(aikit_agent_start(handle(), input.data(), input.size(), options.data(),
                                options.size(), &run, check));
        return Run(run);
    }
    /// agent_id, name, version and model as a JSON object.
    std::string info() const {
        return detail::ask(aikit_agent_info, handle());
    }
    /// The handle, for the C functions.
    aikit_agent handle() const noexcept { return handle_.get(); }

  private:
    detail::Handle<aikit_agent_free> handle_;
};

/// A collection of documents of a kernel, which must outlive it.
class Collection {
  public:
    Collection(aikit_kernel kernel, std::string name) : kernel_(kernel), name_(std::move(name)) {}

    /// Takes in a file or a folder; gives the report as a JSON object.
    std::string ingest(std::string_view path, std::string_view options = {}) const {
        return detail::ask(aikit_collection_ingest, kernel_, name_.data(), name_.size(),
                           path.data(), path.size(), options.data(), options.size());
    }
    /// The passages that fit best, as a JSON array.
    std::string search(std::string_view query, std::string_view options = {}) const {
        return detail::ask(aikit_collection_search, kernel_, name_.data(), name_.size(),
                           query.data(), query.size(), options.data(), options.size());
    }
    /// The documents, as a JSON array.
    std::string documents() const {
        return detail::ask(aikit_collection_documents, kernel_, name_.data(), name_.size());
    }

  private:
    aikit_kernel kernel_;
    std::string name_;
};

/// The spec repository of a kernel, which must outlive it. A `reference` is "id@version", or "id"
/// for the active version where a version is read. Records, pages, reports and options are JSON
/// objects. Names that C++ keeps for itself have an underscore behind them.
class Specs {
  public:
    explicit Specs(aikit_kernel kernel) : kernel_(kernel) {}

    /// Keeps a spec as a draft; gives its record. Options: by, why, replaces (a hash).
    std::string save(const Spec &spec, std::string_view options = {}) const {
        return detail::ask(aikit_specs_save, kernel_, spec.handle(), options.data(),
                           options.size());
    }
    /// The record of a version.
    std::string get(std::string_view reference) const { return ask(aikit_specs_get, reference); }
    /// A version as a spec.
    Spec load(std::string_view reference) const {
        aikit_spec spec = 0;
        detail::Check check;
        check(aikit_specs_load(kernel_, reference.data(), reference.size(), &spec, check));
        return Spec(spec);
    }
    /// A page of records. Options: status, tag, text, agent_id, limit, after.
    std::string list(std::string_view options = {}) const { return ask(aikit_specs_list, options); }
    /// Every change of an agent, as a JSON array, oldest first.
    std::string history(std::string_view agent_id) const {
        return ask(aikit_specs_history, agent_id);
    }
    /// What changes from one version to another, as a JSON array.
    std::string diff(std::string_view before, std::string_view after) const {
        return ask(aikit_specs_diff, before, after);
    }
    /// Makes a version the active one; gives its record. Options: by, why.
    std::string promote(std::string_view reference, std::string_view options = {}) const {
        return ask(aikit_specs_promote, reference, options);
    }
    /// Deprecates the active version; gives its record. Options: by, why, sunset, successor.
    std::string deprecate(std::string_view reference, std::string_view options = {}) const {
        return ask(aikit_specs_deprecate, reference, options);
    }
    /// Retires a deprecated version; gives its record. Options: by, why.
    std::string retire(std::string_view reference, std::string_view options = {}) const {
        return ask(aikit_specs_retire, reference, options);
    }
    /// Removes a draft. Options: by, why.
    void delete_(std::string_view reference, std::string_view options = {}) const {
        detail::Check check;
        check(aikit_specs_delete(kernel_, reference.data(), reference.size(), options.data(),
                                 options.size(), check));
    }
    /// All versions with their history: a bundle. Options: agent_id.
    std::string export_(std::string_view options = {}) const {
        return ask(aikit_specs_export, options);
    }
    /// Takes in a bundle; gives the report. Options: by, why, on_conflict ("fail" or "skip").
    std::string import_(std::string_view bundle, std::string_view options = {}) const {
        return ask(aikit_specs_import, bundle, options);
    }

  private:
    using One = aikit_status (*)(aikit_kernel, const char *, std::size_t, aikit_bytes *,
                                 aikit_error **);
    using Two = aikit_status (*)(aikit_kernel, const char *, std::size_t, const char *, std::size_t,
                                 aikit_bytes *, aikit_error **);

    std::string ask(One function, std::string_view text) const {
        return detail::ask(function, kernel_, text.data(), text.size());
    }
    std::string ask(Two function, std::string_view first, std::string_view second) const {
        return detail::ask(function, kernel_, first.data(), first.size(), second.data(),
                           second.size());
    }

    aikit_kernel kernel_;
};

/// What does a tool's work: takes its arguments as a JSON object and gives its result as JSON. An
/// exception becomes a failure that the model sees. Two runs on two threads may call it at once.
using Tool = std::function<std::string(std::string_view arguments)>;

/// Answers in the place of a model: takes the request as a JSON object and gives a JSON text or
/// object. Two runs on two threads may call it at once.
using Model = Tool;

namespace detail {

inline void call_tool(void *user_data, const char *arguments, std::size_t length,
                      aikit_reply reply) noexcept {
    std::string failure;
    try {
        const std::string result = (*static_cast<Tool *>(user_data))({arguments, length});
        aikit_error *error = nullptr;
        if (aikit_tool_reply_ok(reply, result.data(), result.size(), &error) == AIKIT_OK) return;
        failure = Error(error).what();
    } catch (const std::exception &thrown) {
        failure = thrown.what();
    } catch (...) {
        failure = "the function threw something that is not a std::exception";
    }
    // Refused only if nobody waits any more, and then there is nobody to tell.
    aikit_tool_reply_error(reply, failure.data(), failure.size(), nullptr, 0, nullptr);
}

inline void free_tool(void *user_data) noexcept { delete static_cast<Tool *>(user_data); }

extern "C" inline void aikit_hpp_call_tool(void *user_data, const char *arguments,
                                           std::size_t length, aikit_reply reply) {
    call_tool(user_data, arguments, length, reply);
}
extern "C" inline void aikit_hpp_free_tool(void *user_data) { free_tool(user_data); }

} // namespace detail

/// An open store of one tenant, with tools and providers.
class Kernel {
  public:
    /// Opens a kernel; `options` is a JSON object, empty for an in-memory store: location, tenant,
    /// providers, actor, default_model, policy, profile, reader, rls.
    explicit Kernel(std::string_view options = {}) {
        aikit_kernel kernel = 0;
        detail::Check check;
        check(aikit_kernel_open(options.data(), options.size(), &kernel, check));
        handle_ = detail::Handle<aikit_kernel_free>(kernel);
    }

    /// The tenant.
    std::string tenant() const {
        return detail::ask(aikit_kernel_tenant, handle());
    }
    /// Registers a tool; `definition` is a JSON object: name, description, parameters, timeout_ms.
    void tool(std::string_view definition, Tool work) {
        auto owned = std::make_unique<Tool>(std::move(work));
        detail::Check check;
        // From this call on aikit owns the function, also if the call fails.
        check(aikit_tool_register(handle(), definition.data(), definition.size(),
                                  detail::aikit_hpp_call_tool, owned.release(),
                                  detail::aikit_hpp_free_tool, check));
    }
    /// Registers a function that answers in the place of a model, `host/NAME` in specs; `definition`
    /// is a JSON object: name, timeout_ms. Its argument is the request and its result the answer,
    /// both JSON, as aikit_model_register says. An exception fails the call.
    void model(std::string_view definition, Model chat) {
        auto owned = std::make_unique<Tool>(std::move(chat));
        detail::Check check;
        // From this call on aikit owns the function, also if the call fails.
        check(aikit_model_register(handle(), definition.data(), definition.size(),
                                   detail::aikit_hpp_call_tool, owned.release(),
                                   detail::aikit_hpp_free_tool, check));
    }
    /// Calls a tool directly; gives its result as JSON.
    std::string call_tool(std::string_view name, std::string_view arguments = {}) const {
        return detail::ask(aikit_tool_call, handle(), name.data(), name.size(), arguments.data(),
                           arguments.size());
    }
    /// The collection of this name.
    Collection collection(std::string name) const { return Collection(handle(), std::move(name)); }
    /// Makes an agent from a spec; `options` is a JSON object: model.
    Agent agent(const Spec &spec, std::string_view options = {}) const {
        aikit_agent agent = 0;
        detail::Check check;
        check(aikit_agent_new(handle(), spec.handle(), options.data(), options.size(), &agent,
                              check));
        return Agent(agent);
    }
    /// Makes an agent from a spec file (its path has a "/" or ends in .yaml, .yml or .json), or
    /// from "id@version" or "id" in the repository.
    Agent agent(std::string_view reference, std::string_view options = {}) const {
        aikit_agent agent = 0;
        detail::Check check;
        check(aikit_agent_open(handle(), reference.data(), reference.size(), options.data(),
                               options.size(), &agent, check));
        return Agent(agent);
    }
    /// The spec repository.
    Specs specs() const { return Specs(handle()); }
    /// Everything that can be said of a spec in this kernel, as a JSON array of diagnostics.
    std::string check(const Spec &spec) const {
        return detail::ask(aikit_kernel_check, handle(), spec.handle());
    }
    /// The recorded events of a run, as a JSON array.
    std::string run_events(std::string_view run_id) const {
        return detail::ask(aikit_kernel_run_events, handle(), run_id.data(), run_id.size());
    }
    /// What the tenant has, and what it did on the last `days` days with a run, as a JSON object.
    std::string usage(std::uint32_t days = 30) const {
        return detail::ask(aikit_kernel_usage, handle(), days);
    }
    /// Copies the store with all of its tenants into a new file. SQLite only.
    void backup(std::string_view path) const {
        detail::Check check;
        check(aikit_kernel_backup(handle(), path.data(), path.size(), check));
    }
    /// Every setting that holds here, its source and what it overruled, as a JSON array.
    std::string config() const {
        return detail::ask(aikit_kernel_config, handle(), aikit_spec{0});
    }
    /// The same for the agents of a spec.
    std::string config(const Spec &spec) const {
        return detail::ask(aikit_kernel_config, handle(), spec.handle());
    }
    /// Cancels the runs under way and closes the store.
    void close() {
        detail::Check check;
        check(aikit_kernel_close(handle(), check));
    }
    /// The handle, for the C functions.
    aikit_kernel handle() const noexcept { return handle_.get(); }

  private:
    detail::Handle<aikit_kernel_free> handle_;
};

/// A store that is open for administration: tenants, audit log, upkeep.
class Admin {
  public:
    /// Opens a store; `options` is a JSON object: location, actor (who acts), profile.
    explicit Admin(std::string_view options) {
        aikit_admin admin = 0;
        detail::Check check;
        check(aikit_admin_open(options.data(), options.size(), &admin, check));
        handle_ = detail::Handle<aikit_admin_free>(admin);
    }

    /// Does an operation of ADMINISTRATION in aikit.h with `arguments`, a JSON object; gives its
    /// result as JSON.
    std::string call(std::string_view operation, std::string_view arguments = {}) const {
        return detail::ask(aikit_admin_call, handle(), operation.data(), operation.size(),
                           arguments.data(), arguments.size());
    }
    /// Finishes what was begun and closes the store.
    void close() {
        detail::Check check;
        check(aikit_admin_close(handle(), check));
    }
    /// The handle, for the C functions.
    aikit_admin handle() const noexcept { return handle_.get(); }

  private:
    detail::Handle<aikit_admin_free> handle_;
};

} // namespace aikit

#endif // AIKIT_HPP
