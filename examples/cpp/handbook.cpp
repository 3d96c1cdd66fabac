// An assistant that answers from a company's handbook and calls a tool of this program's.
//
//     handbook [SPEC [DOCUMENTS [QUESTION]]] [--json]
//     AIKIT_MODEL=openai/gpt-4o-mini handbook        with a real model instead of the spec's
//
// Built by scripts/build-c.sh. Started from the root of the repository it needs no arguments. aikit
// speaks JSON; cJSON reads it here. With --json the last line reports what happened, for `make demo`.
#include <aikit.hpp>
#include <cjson/cJSON.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view leave_balance_definition = R"({
    "name": "leave_balance",
    "description": "Days of annual leave that an employee has left this year.",
    "parameters": {
        "type": "object",
        "properties": {"employee": {"type": "string", "description": "login name"}},
        "required": ["employee"],
        "additionalProperties": false
    }
})";

// As much of JSON as this program needs.
class Json {
  public:
    static Json object() { return Json(cJSON_CreateObject()); }
    static Json parse(std::string_view text) {
        return Json(cJSON_ParseWithLength(text.data(), text.size()));
    }
    cJSON *operator->() const { return value_.get(); }
    cJSON *get() const { return value_.get(); }
    std::string print() const { return print(value_.get()); }

    static cJSON *at(const cJSON *value, const char *name) {
        return cJSON_GetObjectItemCaseSensitive(value, name);
    }
    static std::string text(const cJSON *value, const char *name) {
        const char *text = cJSON_GetStringValue(at(value, name));
        return text != nullptr ? text : "";
    }
    static long number(const cJSON *value, const char *name) {
        return static_cast<long>(cJSON_GetNumberValue(at(value, name)));
    }
    static std::string print(const cJSON *value) {
        std::unique_ptr<char, decltype(&std::free)> text(cJSON_PrintUnformatted(value), std::free);
        return text ? text.get() : "null";
    }

  private:
    explicit Json(cJSON *value) : value_(value, cJSON_Delete) {}
    std::unique_ptr<cJSON, decltype(&cJSON_Delete)> value_;
};

// Days of leave that an employee has left. A real program would ask its database.
std::string leave_balance(std::string_view arguments) {
    // The arguments fit the schema: aikit has checked them.
    const Json answer = Json::parse(arguments);
    cJSON_AddNumberToObject(answer.get(), "days", 12);
    return answer.print();
}

void show_event(const std::string &json) {
    const Json event = Json::parse(json);
    const std::string type = Json::text(event.get(), "type");
    if (type == "text_delta") {
        std::cout << Json::text(event.get(), "text") << std::flush;
    } else if (type == "tool_finished") {
        std::cout << "\n  [" << Json::text(event.get(), "name");
        if (const cJSON *error = Json::at(event.get(), "error")) {
            std::cout << " failed: " << Json::text(error, "message") << "]\n";
        } else {
            std::cout << " gave " << Json::print(Json::at(event.get(), "result")) << "]\n";
        }
    }
}

void show_result(const Json &result) {
    std::cout << "\n\n";
    const cJSON *citation = nullptr;
    cJSON_ArrayForEach(citation, Json::at(result.get(), "citations")) {
        std::cout << "  " << Json::text(citation, "marker") << ' ' << Json::text(citation, "source")
                  << " (line " << Json::number(citation, "start_line") << ")\n";
    }
    std::cout << "  " << Json::number(Json::at(result.get(), "usage"), "total_tokens")
              << " tokens, " << Json::number(result.get(), "turns") << " model calls\n";
}

std::string agent_options() {
    const Json options = Json::object();
    if (const char *model = std::getenv("AIKIT_MODEL"))
        cJSON_AddStringToObject(options.get(), "model", model);
    return options.print();
}

void answer(const std::vector<std::string> &given, bool report) {
    const std::string &question = given[2];
    aikit::Kernel kernel;
    kernel.tool(leave_balance_definition, leave_balance);
    kernel.collection("handbook").ingest(given[1]);
    const aikit::Agent agent = kernel.agent(given[0], agent_options());

    std::cout << "> " << question << "\n\n";
    const auto started = std::chrono::steady_clock::now();
    aikit::Run run = agent.start(question);
    int events = 0;
    for (const std::string &event : run.events()) {
        ++events;
        show_event(event);
    }
    const Json result = Json::parse(run.wait());
    const std::chrono::duration<double, std::milli> time =
        std::chrono::steady_clock::now() - started;
    show_result(result);
    kernel.close();

    if (report) {
        const Json line = Json::object();
        cJSON_AddStringToObject(line.get(), "language", "C++");
        cJSON_AddStringToObject(line.get(), "answer", Json::text(result.get(), "text").c_str());
        cJSON_AddNumberToObject(line.get(), "events", events);
        cJSON_AddNumberToObject(line.get(), "run_ms", time.count());
        cJSON_AddNumberToObject(line.get(), "citations",
                                cJSON_GetArraySize(Json::at(result.get(), "citations")));
        std::cout << line.print() << '\n';
    }
}

} // namespace

int main(int argc, char **argv) {
    std::vector<std::string> given = {
        "examples/specs/handbook.yaml", "examples/handbook",
        "How many days of leave do I have left, and how many may I carry over?"};
    bool report = false;
    std::size_t place = 0;
    for (int i = 1; i < argc; ++i) {
        if (argv[i] == std::string_view("--json")) {
            report = true;
        } else if (place < given.size()) {
            given[place++] = argv[i];
        }
    }
    int status = 0;
    try {
        answer(given, report);
    } catch (const aikit::Error &error) {
        std::cerr << error.code() << ": " << error.what() << '\n';
        if (!error.hint().empty()) std::cerr << "  " << error.hint() << '\n';
        status = 1;
    }
    aikit::shutdown(std::chrono::seconds(2));
    return status;
}
