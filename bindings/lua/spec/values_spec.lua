-- Values: JSON and Lua, in both directions, through json_encode, json_decode and a tool.
local aikit = require("aikit")
local support = require("support")
local raised = support.raised

describe("JSON", function()
  it("keeps null, empty arrays and empty objects apart", function()
    for _, text in ipairs({ "null", "[]", "{}", '{"a":null}', "[null]", '[[],{}]', '{"list":[]}' }) do
      assert.equal(text, aikit.json_encode(aikit.json_decode(text)))
    end
    assert.equal(aikit.null, aikit.json_decode("null"))
    assert.equal("null", aikit.json_encode(nil))
    assert.equal("{}", aikit.json_encode({}))
    assert.equal("[]", aikit.json_encode(aikit.array({})))
    assert.equal("[]", aikit.json_encode(aikit.array()))
  end)

  it("keeps whole numbers whole", function()
    assert.equal("[1,-5,9007199254740992]", aikit.json_encode({ 1, -5, 9007199254740992 }))
    assert.equal("1.5", aikit.json_encode(1.5))
    assert.equal(12, aikit.json_decode("12"))
    if math.type then
      assert.equal("integer", math.type(aikit.json_decode("9223372036854775807")))
      assert.equal("9223372036854775807", aikit.json_encode(math.maxinteger))
    end
    assert.equal(1e300, aikit.json_decode("1e300"))
  end)

  it("keeps text with zeros, quotes and any script", function()
    local text = 'a\0b"\\\n\t ünï 漢字'
    assert.equal(text, aikit.json_decode(aikit.json_encode(text)))
  end)

  it("refuses bytes that are not UTF-8, with the place", function()
    local err = raised(aikit.json_encode, { deep = { "fine", "bad \255" } })
    assert.equal("invalid_utf8", err.code)
    assert.equal("/deep/2", err.path)
    assert.equal("invalid_utf8", raised(aikit.json_encode, { ["\195"] = 1 }).code)
    assert.equal("invalid_utf8", raised(aikit.json_decode, '"\255"').code)
  end)

  it("refuses what JSON cannot say", function()
    local refused = {
      { 1 / 0 }, { 0 / 0 }, { print }, { io.stdout }, { coroutine.create(function() end) },
      { [1] = "a", [3] = "c" }, { 1, name = 2 }, { [true] = 1 }, { [1.5] = 1 }, { [0] = 1 },
      aikit.array({ name = 1 }),
    }
    for i, value in ipairs(refused) do
      assert.equal("invalid_argument", raised(aikit.json_encode, value).code, "value " .. i)
    end
  end)

  it("refuses tables that contain themselves, and depth without end", function()
    local loop = {}
    loop.inner = { loop, loop }
    assert.equal("/inner/1", raised(aikit.json_encode, loop).path)
    local deep = {}
    for _ = 1, 10000 do deep = { deep } end
    assert.matches("nested deeper", raised(aikit.json_encode, deep).message)
    assert.equal("invalid_argument", raised(aikit.json_decode, ("["):rep(100000)).code)
  end)

  it("takes and gives the depth that it promises", function()
    local text = ("["):rep(127) .. ("]"):rep(127)
    assert.equal(text, aikit.json_encode(aikit.json_decode(text)))
  end)

  it("uses a table twice without complaint", function()
    local shared = { 1 }
    assert.equal("[[1],[1]]", aikit.json_encode({ shared, shared }))
  end)

  it("calls no metamethod of the user's", function()
    local trap = setmetatable({ a = 1 }, {
      __index = error, __pairs = error, __len = error, __tostring = error,
    })
    assert.equal('{"a":1}', aikit.json_encode(trap))
  end)

  it("says where broken JSON is broken", function()
    local err = raised(aikit.json_decode, '{"a": 1,\n "b" 2}')
    assert.equal("invalid_argument", err.code)
    assert.matches("line 2 column", err.message)
    assert.matches("trailing", raised(aikit.json_decode, "1 2").message)
  end)

  it("passes a tool's values unchanged", function()
    local kernel = aikit.open()
    kernel:tool({
      name = "echo", description = "gives back", parameters = { type = "object" },
      run = function(args) return args end,
    })
    local text = '{"empty":[],"nested":{"null":null,"object":{}},"number":1.5,"text":"漢"}'
    assert.equal(text, aikit.json_encode(kernel:call_tool("echo", aikit.json_decode(text))))
    kernel:close()
  end)
end)
