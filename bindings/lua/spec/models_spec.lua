-- Functions of Lua's as models, and what an error says of a provider.
local aikit = require("aikit")
local support = require("support")
local raised = support.raised

describe("a Lua function as a model", function()
  local kernel
  before_each(function() kernel = aikit.open() end)
  after_each(function() kernel:close() end)

  local function agent()
    return kernel:agent(aikit.parse_spec("agent: a\nmodel: host/mine\ntools: [calculator]\n"))
  end

  it("answers, calls tools and is told what they gave", function()
    local requests = {}
    kernel:model({
      name = "mine",
      chat = function(request)
        requests[#requests + 1] = request
        local last = request.messages[#request.messages]
        if last.role == "tool" then return { text = "It is " .. last.content .. "." } end
        return { tool_calls = { { name = "calculator", arguments = { expression = "6 * 7" } } } }
      end,
    })
    local result = agent():run("How many?")
    assert.equal("It is 42.", result.text)
    assert.equal(2, #requests)
    assert.same({ { role = "user", content = "How many?" } }, requests[1].messages)
    assert.same({ expression = "6 * 7" }, requests[2].messages[2].tool_calls[1].arguments)
  end)

  it("runs on the thread of its caller", function()
    local caller, seen = coroutine.running(), nil
    kernel:model({ name = "mine", chat = function()
      seen = coroutine.running()
      return "x"
    end })
    assert.equal("x", agent():run("x").text)
    assert.not_equal(caller, seen)
  end)

  it("takes a plain text, empty tables and counts of one number type", function()
    kernel:model({ name = "mine", chat = function()
      return { text = "x", tool_calls = {}, usage = { input_tokens = 6 / 2, output_tokens = 1 } }
    end })
    assert.equal(4, agent():run("x").usage.total_tokens)
  end)

  it("fails by raising, by nil and a message, and by yielding", function()
    local failing = {
      function() error("no weights", 0) end,
      function() return nil, "no weights" end,
      function() coroutine.yield() end,
    }
    local turn = 0
    kernel:model({ name = "mine", chat = function(request)
      turn = turn + 1
      return failing[turn](request)
    end })
    for i = 1, 3 do
      local err = raised(agent().run, agent(), "x")
      assert.equal("model_unavailable", err.code)
      assert.is_false(err.retryable)
      assert.matches(i == 3 and "yielded" or "no weights", err.message)
      assert.is_string(err.cause)
    end
  end)

  it("says why an answer is none", function()
    local answers = { { txt = "x" }, 5, function() end }
    local turn = 0
    kernel:model({ name = "mine", chat = function()
      turn = turn + 1
      return answers[turn]
    end })
    assert.matches("`txt` is not known", raised(agent().run, agent(), "x").message)
    assert.equal("model_invalid_response", raised(agent().run, agent(), "x").code)
    assert.equal("model_unavailable", raised(agent().run, agent(), "x").code)
  end)

  it("is refused without a function, and under a name that is taken or none", function()
    local chat = function() return "x" end
    kernel:model({ name = "mine", chat = chat })
    for _, model in ipairs({
      { name = "mine", chat = chat }, { name = "a/b", chat = chat }, { chat = chat },
      { name = "other" }, { name = "other", chat = chat, timeout = 1 }, 5,
    }) do
      assert.equal("invalid_argument", raised(kernel.model, kernel, model).code)
    end
  end)
end)

describe("an error of a provider's", function()
  it("has its status, its id and its wait", function()
    local kernel = aikit.open()
    local fault = "{code: model_rate_limited, after: 0, status: 429, request_id: r1, retry_after_ms: 1500}"
    local spec = "agent: a\nmodel: scripted/x\nscript: [{text: x, error: " .. fault .. "}]\n"
    local agent = kernel:agent(aikit.parse_spec(spec))
    local err = raised(agent.run, agent, "x")
    assert.same({ 429, "r1", 1.5 }, { err.status, err.request_id, err.retry_after })
    kernel:close()
  end)
end)
