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

/// What went wrong: what() is the message.
class Error : public std::runtime_error {
  public:
    explicit Error(aikit_error *error) : std::runtime_error(text(aikit_error_message(error))) {
        number_ = aikit_error_number(error);
        code_ = text(aikit_error_code(error));
        path_ = text(aikit_error_path(error));
        hint_ = text(aikit_error_hint(error));
        cause_ = text(aikit_error_cause(error));
        json_ = text(aikit_error_json(error));
        line_ = aikit_error_line(error);
        column_ = aikit_error_column(error);
        retryable_ = aikit_error_retryable(error);
        aikit_error_free(&error);
    }

    /// The status, for instance AIKIT_SPEC_INVALID.
    aikit_status number() const noexcept { return number_; }
    /// The stable word, for instance "spec_invalid".
    const std::string &code() const noexcept { return code_; }
    /// A file or a JSON pointer; empty if not known.
    const std::string &path() const noexcept { return path_; }
    /// Line in the document, from 1; 0 if not known.
    std::uint32_t line() const noexcept { return line_; }
    /// Column in the line, from 1; 0 if not known.
    std::uint32_t column() const noexcept { return column_; }
    /// What to do about it; empty if not known.
    const std::string &hint() const noexcept { return hint_; }
    /// What lay beneath; empty if there is nothing.
    const std::string &cause() const noexcept { return cause_; }
    /// The whole error as a JSON object, with all diagnostics of a spec.
    const std::string &json() const noexcept { return json_; }
    /// Whether the same call may succeed later.
    bool retryable() const noexcept { return retryable_; }

  private:
    static std::string text(const char *text) { return text != nullptr ? text : ""; }

    aikit_status number_ = AIKIT_OK;
    std::string code_, path_, hint_, cause_, json_;
    std::uint32_t line_ = 0, column_ = 0;
    bool retryable_ = false;
};

namespace detail {

/// Takes the error of a call and throws it if the call failed.
class Check {
  public:
    operator aikit_error **() noexcept { return &error_; }
    void operator()(aikit_status status) {
        if (status != AIKIT_OK) throw Error(std::exchange(error_, nullptr));
    }

  private:
    aikit_error *error_ = nullptr;
};

inline std::string take(aikit_bytes &bytes) {
    struct Owner {
        aikit_bytes &bytes;
        ~Owner() { aikit_bytes_free(&bytes); }
    } owner{bytes};
    return bytes.data != nullptr ? std::string(bytes.data, bytes.len) : std::string();
}

/// A handle that frees itself. The kind is in the type, unlike in C.
template <void (*Free)(std::uint64_t *)> class Handle {
  public:
    Handle() = default;
    explicit Handle(std::uint64_t handle) noexcept : handle_(handle) {}
    Handle(Handle &&other) noexcept : handle_(std::exchange(other.handle_, 0)) {}
    Handle &operator=(Handle &&other) noexcept {
        if (this != &other) {
            Free(&handle_);
            handle_ = std::exchange(other.handle_, 0);
        }
        return *this;
    }
    Handle(const Handle &) = delete;
    Handle &operator=(const Handle &) = delete;
    ~Handle() { Free(&handle_); }

    std::uint64_t get() const noexcept { return handle_; }

  private:
    std::uint64_t handle_ = 0;
};

inline std::int64_t milliseconds(std::optional<std::chrono::milliseconds> time) {
    return time ? static_cast<std::int64_t>(time->count()) : -1;
}

} // namespace detail

/// The version of the library, for instance "0.1.0".
inline std::string_view version() { return aikit_version(); }

/// Cancels everything under way and waits for its end; gives how much was left.
inline std::uint32_t shutdown(std::chrono::milliseconds timeout) {
    return aikit_shutdown(static_cast<std::uint32_t>(timeout.count()));
}

/// The declaration of an agent.
class Spec {
  public:
    /// Reads a spec from YAML or JSON text.
    static Spec parse(std::string_view source) {
        aikit_spec spec = 0;
        detail::Check check;
        check(aikit_spec_parse(source.data(), source.size(), &spec, check));
        return Spec(spec);
    }
    /// Reads a spec from a file.
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
    /// agent_id, name, version and model as a JSON object.
    std::string info() const { return ask(aikit_spec_info); }
    /// The handle, for the C functions.
    aikit_spec handle() const noexcept { return handle_.get(); }

  private:
    explicit Spec(aikit_spec spec) : handle_(spec) {}
    std::string ask(aikit_status (*function)(aikit_spec, aikit_bytes *, aikit_error **)) const {
        aikit_bytes out{};
        detail::Check check;
        check(function(handle(), &out, check));
        return detail::take(out);
    }

    detail::Handle<aikit_spec_free> handle_;
};

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
        aikit_bytes result{};
        detail::Check check;
        check(aikit_run_wait(handle(), detail::milliseconds(timeout), &result, check));
        return detail::take(result);
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

    /// Runs to the end; gives the result as a JSON object.
    std::string run(std::string_view input, std::string_view options = {}) const {
        aikit_bytes result{};
        detail::Check check;
        check(aikit_agent_run(handle(), input.data(), input.size(), options.data(), options.size(),
                              &result, check));
        return detail::take(result);
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
        aikit_bytes out{};
        detail::Check check;
        check(aikit_agent_info(handle(), &out, check));
        return detail::take(out);
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
        aikit_bytes report{};
        detail::Check check;
        check(aikit_collection_ingest(kernel_, name_.data(), name_.size(), path.data(), path.size(),
                                      options.data(), options.size(), &report, check));
        return detail::take(report);
    }
    /// The passages that fit best, as a JSON array.
    std::string search(std::string_view query, std::string_view options = {}) const {
        aikit_bytes passages{};
        detail::Check check;
        check(aikit_collection_search(kernel_, name_.data(), name_.size(), query.data(),
                                      query.size(), options.data(), options.size(), &passages,
                                      check));
        return detail::take(passages);
    }
    /// The documents, as a JSON array.
    std::string documents() const {
        aikit_bytes documents{};
        detail::Check check;
        check(aikit_collection_documents(kernel_, name_.data(), name_.size(), &documents, check));
        return detail::take(documents);
    }

  private:
    aikit_kernel kernel_;
    std::string name_;
};

/// What does a tool's work: takes its arguments as a JSON object and gives its result as JSON. An
/// exception becomes a failure that the model sees. Two runs on two threads may call it at once.
using Tool = std::function<std::string(std::string_view arguments)>;

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
        failure = "the tool threw something that is not a std::exception";
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
    /// Opens a kernel; `options` is a JSON object, empty for an in-memory store.
    explicit Kernel(std::string_view options = {}) {
        aikit_kernel kernel = 0;
        detail::Check check;
        check(aikit_kernel_open(options.data(), options.size(), &kernel, check));
        handle_ = detail::Handle<aikit_kernel_free>(kernel);
    }

    /// The tenant.
    std::string tenant() const {
        aikit_bytes out{};
        detail::Check check;
        check(aikit_kernel_tenant(handle(), &out, check));
        return detail::take(out);
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
    /// Calls a tool directly; gives its result as JSON.
    std::string call_tool(std::string_view name, std::string_view arguments = {}) const {
        aikit_bytes result{};
        detail::Check check;
        check(aikit_tool_call(handle(), name.data(), name.size(), arguments.data(),
                              arguments.size(), &result, check));
        return detail::take(result);
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
    /// Makes an agent from a spec file.
    Agent agent(std::string_view path, std::string_view options = {}) const {
        aikit_agent agent = 0;
        detail::Check check;
        check(aikit_agent_read(handle(), path.data(), path.size(), options.data(), options.size(),
                               &agent, check));
        return Agent(agent);
    }
    /// The recorded events of a run, as a JSON array.
    std::string run_events(std::string_view run_id) const {
        aikit_bytes events{};
        detail::Check check;
        check(aikit_kernel_run_events(handle(), run_id.data(), run_id.size(), &events, check));
        return detail::take(events);
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

} // namespace aikit

#endif // AIKIT_HPP
