// Everything that aikit.hpp adds to aikit.h; its argument is a folder to write in. Exits with 1 and
// the line of what does not hold.
#include <aikit.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            std::fprintf(stderr, "line %d does not hold: %s\n", __LINE__, #condition);             \
            std::exit(1);                                                                          \
        }                                                                                          \
    } while (0)

using namespace std::chrono_literals;

static_assert(std::is_move_constructible_v<aikit::Admin> && !std::is_copy_constructible_v<aikit::Admin>);
static_assert(std::is_move_constructible_v<aikit::Kernel> && std::is_move_assignable_v<aikit::Run>);
static_assert(!std::is_copy_constructible_v<aikit::Agent> && !std::is_copy_assignable_v<aikit::Spec>);

constexpr std::string_view spec_text = R"(
identity: {agent_id: host}
integration: {tools: [ask, throws]}
intelligence:
  model: scripted/host
  script:
    - tool_calls: [{name: ask, arguments: {}}, {name: throws, arguments: {}}]
    - text: "{{tool.ask}}"
)";

constexpr std::string_view slow_text = R"(
identity: {agent_id: slow}
intelligence: {model: scripted/slow, script: [{text: a b c, delay_ms: 600000}]}
)";

static bool has(const std::string &text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

static void errors() {
    try {
        aikit::Spec::parse("identity: 7\n");
        CHECK(!"parsed");
    } catch (const aikit::Error &error) {
        CHECK(error.number() == AIKIT_SPEC_INVALID && error.code() == "spec_invalid");
        CHECK(error.line() >= 1 && error.column() >= 1 && !error.retryable());
        CHECK(has(error.json(), "diagnostics") && std::string(error.what()).size() > 10);
    }
}

static void tools_and_events() {
    auto alive = std::make_shared<int>(0);
    std::weak_ptr<int> watched = alive;
    {
        aikit::Kernel opened;
        aikit::Kernel kernel = std::move(opened);
        CHECK(opened.handle() == 0 && kernel.tenant() == "default");
        kernel.tool(R"({"name": "ask"})", [alive](std::string_view arguments) {
            CHECK(arguments == "{}");
            ++*alive;
            return std::string("42");
        });
        kernel.tool(R"({"name": "throws"})",
                    [](std::string_view) -> std::string { throw std::runtime_error("stuck"); });
        kernel.tool(R"({"name": "odd"})", [](std::string_view) -> std::string { throw 7; });
        kernel.tool(R"({"name": "broken"})", [](std::string_view) { return std::string("{"); });
        alive.reset();

        const aikit::Agent agent = kernel.agent(aikit::Spec::parse(spec_text));
        CHECK(has(agent.info(), "scripted/host"));
        aikit::Run run = agent.start("?");
        int events = 0;
        bool stuck = false;
        for (const std::string &event : run.events()) {
            ++events;
            stuck = stuck || has(event, "stuck");
        }
        CHECK(events > 8 && stuck && has(run.wait(), R"("text":"42")"));
        CHECK(has(agent.run("?"), R"("finished")"));
        for (const char *name : {"odd", "broken", "throws"}) {
            try {
                kernel.call_tool(name);
                CHECK(!"answered");
            } catch (const aikit::Error &error) {
                CHECK(error.number() == AIKIT_TOOL_FAILED);
            }
        }
        CHECK(!watched.expired() && *watched.lock() == 2);
    }
    CHECK(watched.expired());
}

constexpr std::string_view modelled_text = "agent: a\nmodel: host/mine\n";
constexpr std::string_view limited_text =
    "agent: a\nmodel: scripted/x\nscript: [{text: x, error: {code: model_rate_limited, status: 429, "
    "request_id: r1, retry_after_ms: 1500}}]\n";

static void models() {
    aikit::Kernel kernel;
    int turn = 0;
    kernel.model(R"({"name": "mine"})", [&turn](std::string_view request) -> std::string {
        CHECK(has(std::string(request), R"("content":"?")"));
        switch (turn++) {
        case 0: return R"("as a text")";
        case 1: return R"({"text": "as an object", "usage": {"input_tokens": 3}})";
        case 2: return R"({"txt": "x"})";
        default: throw std::runtime_error("no weights");
        }
    });
    const aikit::Agent agent = kernel.agent(aikit::Spec::parse(modelled_text));
    CHECK(has(agent.run("?"), R"("as a text")"));
    CHECK(has(agent.run("?"), R"("input_tokens":3)"));
    for (const aikit_status expected : {AIKIT_MODEL_INVALID_RESPONSE, AIKIT_MODEL_UNAVAILABLE}) {
        try {
            agent.run("?");
            CHECK(!"answered");
        } catch (const aikit::Error &error) {
            CHECK(error.number() == expected && !error.retryable() && error.http_status() == 0);
            CHECK(!error.retry_after() && error.request_id().empty());
        }
    }
    try {
        kernel.agent(aikit::Spec::parse(limited_text)).run("?");
        CHECK(!"answered");
    } catch (const aikit::Error &error) {
        CHECK(error.number() == AIKIT_MODEL_RATE_LIMITED && error.http_status() == 429);
        CHECK(error.request_id() == "r1" && error.retry_after()->count() == 1.5);
    }
    try {
        kernel.model(R"({"name": "mine"})", [](std::string_view) { return std::string(); });
        CHECK(!"registered");
    } catch (const aikit::Error &error) {
        CHECK(error.number() == AIKIT_INVALID_ARGUMENT);
    }
}

static void cancelling() {
    aikit::Kernel kernel;
    const aikit::Agent agent = kernel.agent(aikit::Spec::parse(slow_text));
    aikit::Run run = agent.start("?");
    CHECK(run.fd() >= 0);
    try {
        run.wait(10ms);
        CHECK(!"ended");
    } catch (const aikit::Error &error) {
        CHECK(error.number() == AIKIT_TIMEOUT && error.retryable());
    }
    run.cancel();
    bool cancelled = false;
    while (const auto event = run.next(60s)) cancelled = cancelled || has(*event, "run_cancelled");
    CHECK(run.ended() && has(run.wait(), R"("cancelled")"));
    run = agent.start("?");
    kernel.close();
}

constexpr std::string_view desk_text = R"(# who answers
agent: desk
version: 1.0.0
name: Desk of {{ tenant_id }}
model: scripted/desk
script: [{text: the first}]
)";

template <typename Call> static aikit_status thrown(Call call) {
    try {
        call();
    } catch (const aikit::Error &error) {
        return error.number();
    }
    return AIKIT_OK;
}

static void specs() {
    const aikit::Spec spec = aikit::Spec::parse(desk_text);
    const aikit::Spec odd = aikit::Spec::parse(
        aikit::edit_spec(desk_text, "/name", R"("\"hash\":\"sha256:no\" {{ tenant_id }}")"));
    CHECK(spec.hash().size() == 71 && spec.hash().substr(0, 7) == "sha256:");
    CHECK(odd.hash().size() == 71 && odd.hash() != spec.hash());
    CHECK(aikit::Spec::parse(spec.render("yaml")).hash() == spec.hash());
    CHECK(spec.diff(spec) == "[]" && has(spec.diff(odd), "/identity/name"));
    CHECK(has(spec.info(), "# who answers") && has(odd.info(), odd.hash()));
    CHECK(thrown([&] { spec.render("html"); }) == AIKIT_INVALID_ARGUMENT);
    CHECK(thrown([] { aikit::edit_spec(desk_text, "/name", ""); }) == AIKIT_INVALID_ARGUMENT);
    CHECK(thrown([] { aikit::Spec::parse("extends: a.yaml\n"); }) == AIKIT_SPEC_INVALID);
    CHECK(thrown([] { aikit::Spec::parse("extends: a.yaml\n", "no/such"); }) == AIKIT_SPEC_INVALID);
    CHECK(aikit::diagnose(desk_text) == "[]" && has(aikit::diagnose("agent: 7\n"), "\"line\":1"));
    CHECK(has(aikit::diagnose("agents: a\n", R"({"format": "text", "file": "a.yaml"})"),
              "a.yaml:1:1"));
    CHECK(thrown([] { aikit::diagnose("", "[]"); }) == AIKIT_INVALID_ARGUMENT);
    CHECK(thrown([] { aikit::import_spec("{}", R"({"from": "nobody"})"); }) ==
          AIKIT_INVALID_ARGUMENT);
    CHECK(has(aikit::spec_schema(), "intelligence"));
}

static void repository() {
    aikit::Kernel kernel(R"({"actor": "ann", "tenant": "acme"})");
    const aikit::Specs specs = kernel.specs();
    const aikit::Spec spec = aikit::Spec::parse(desk_text);
    CHECK(kernel.check(spec) == "[]");
    CHECK(has(specs.save(spec, R"({"why": "begun"})"), R"("created_by":"ann")"));
    CHECK(thrown([&] { specs.save(spec); }) == AIKIT_SPEC_CONFLICT);
    CHECK(thrown([&] { kernel.agent("desk"); }) == AIKIT_SPEC_NOT_FOUND);
    CHECK(has(specs.promote("desk@1.0.0"), R"("status":"active")"));
    CHECK(thrown([&] { specs.promote("desk@1.0.0"); }) == AIKIT_SPEC_STATE);
    CHECK(thrown([&] { specs.delete_("desk@1.0.0"); }) == AIKIT_SPEC_IMMUTABLE);
    const aikit::Agent agent = kernel.agent("desk");
    CHECK(has(agent.info(), "Desk of acme") && has(agent.run("?"), "the first"));
    CHECK(specs.load("desk").hash() == spec.hash() && has(specs.get("desk"), spec.hash()));

    const std::string next = aikit::edit_spec(desk_text, "/version", R"("2.0.0")");
    specs.save(aikit::Spec::parse(next));
    CHECK(has(specs.diff("desk", "desk@2.0.0"), "/identity/version"));
    specs.delete_("desk@2.0.0");
    CHECK(has(specs.deprecate("desk@1.0.0", R"({"sunset": "2030-01-01"})"), "2030-01-01"));
    CHECK(has(specs.retire("desk@1.0.0"), R"("status":"retired")"));
    CHECK(thrown([&] { specs.load("desk@1.0.0"); }) == AIKIT_SPEC_RETIRED);
    CHECK(has(specs.list(R"({"status": "retired"})"), R"("next":null)"));
    CHECK(has(specs.history("desk"), R"("change":"deleted")"));

    const aikit::Kernel other(R"({"tenant": "acme"})");
    CHECK(has(other.specs().import_(specs.export_()), "desk@1.0.0"));
    CHECK(thrown([&] { other.specs().import_(specs.export_()); }) == AIKIT_SPEC_CONFLICT);
    kernel.close();
    CHECK(thrown([&] { specs.list(); }) == AIKIT_CLOSED);
    CHECK(thrown([&] { kernel.check(spec); }) == AIKIT_CLOSED);
}

static void administration(const std::string &folder) {
    const std::string location = R"("location": ")" + folder + R"(/tenants.db")";
    CHECK(thrown([] { aikit::Admin(R"({"location": "a.db"})"); }) == AIKIT_INVALID_ARGUMENT);
    aikit::Admin opened("{" + location + R"(, "actor": "ann"})");
    aikit::Admin admin = std::move(opened);
    CHECK(opened.handle() == 0 && admin.call("check") == "[]");
    admin.call("create_tenant", R"({"id": "acme"})");
    CHECK(thrown([&] { admin.call("create_tenant", R"({"id": "acme"})"); }) == AIKIT_TENANT_EXISTS);
    CHECK(has(admin.call("tenants"), R"("tenant_id":"acme")"));

    const aikit::Kernel kernel("{" + location + R"(, "tenant": "acme"})");
    const aikit::Spec spec = aikit::Spec::parse(desk_text);
    CHECK(has(kernel.usage(), R"("totals")") && has(kernel.usage(0), R"("days":[])"));
    CHECK(has(kernel.config(), "run.max_turns") && has(kernel.config(spec), "scripted/desk"));
    kernel.backup(folder + "/copy.db");
    CHECK(thrown([&] { kernel.backup(folder + "/copy.db"); }) == AIKIT_INVALID_ARGUMENT);
    admin.call("suspend_tenant", R"({"id": "acme"})");
    CHECK(thrown([&] { kernel.usage(); }) == AIKIT_TENANT_SUSPENDED);
    admin.close();
    CHECK(thrown([&] { admin.call("check"); }) == AIKIT_CLOSED);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    CHECK(aikit::version() == AIKIT_VERSION);
    errors();
    tools_and_events();
    models();
    cancelling();
    specs();
    repository();
    administration(argv[1]);
    CHECK(aikit::shutdown(60s) == 0);
    std::puts("all checks hold");
}
