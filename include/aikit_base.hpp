// aikit_base.hpp: errors and handles, which the classes of aikit.hpp stand on. Include aikit.hpp.
#ifndef AIKIT_BASE_HPP
#define AIKIT_BASE_HPP

#include "aikit.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
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
        http_status_ = aikit_error_http_status(error);
        request_id_ = text(aikit_error_request_id(error));
        const double wait = aikit_error_retry_after(error);
        if (wait >= 0) retry_after_ = std::chrono::duration<double>(wait);
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
    /// The HTTP status of a model provider's answer; 0 if there was none.
    std::uint32_t http_status() const noexcept { return http_status_; }
    /// The model provider's id of the exchange; empty if not known.
    const std::string &request_id() const noexcept { return request_id_; }
    /// How long a model provider asked to wait, if it did.
    const std::optional<std::chrono::duration<double>> &retry_after() const noexcept {
        return retry_after_;
    }
    /// What lay beneath; empty if there is nothing.
    const std::string &cause() const noexcept { return cause_; }
    /// The whole error as a JSON object, with all diagnostics of a spec.
    const std::string &json() const noexcept { return json_; }
    /// Whether the same call may succeed later.
    bool retryable() const noexcept { return retryable_; }

  private:
    static std::string text(const char *text) { return text != nullptr ? text : ""; }

    aikit_status number_ = AIKIT_OK;
    std::string code_, path_, hint_, cause_, request_id_, json_;
    std::uint32_t line_ = 0, column_ = 0, http_status_ = 0;
    std::optional<std::chrono::duration<double>> retry_after_;
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

/// Calls a function that answers with a text.
template <typename Function, typename... Arguments>
std::string ask(Function function, Arguments... arguments) {
    aikit_bytes out{};
    Check check;
    check(function(arguments..., &out, check));
    return take(out);
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

} // namespace aikit

#endif
