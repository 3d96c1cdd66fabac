rockspec_format = "3.0"
package = "aikit"
version = "0.1.0-1"

-- From a clone: cd bindings/lua && luarocks --lua-version 5.4 make
source = {
  url = "git+https://github.com/aikit/aikit.git",
  tag = "v0.1.0",
  dir = "aikit/bindings/lua",
}

description = {
  summary = "An agent runtime that lives inside your program",
  detailed = [[
    Agents declared in YAML, with Lua functions as tools, retrieval with citations, streaming and
    cancelling. One native module: no server, no other language runtime.]],
  homepage = "https://github.com/aikit/aikit",
  license = "MIT OR Apache-2.0",
}

supported_platforms = { "linux" }

dependencies = { "lua >= 5.1, < 5.5" }

-- Needs cargo. AIKIT_PROFILE=dev builds faster and without optimisation.
build = {
  type = "command",
  build_command = [[sh rock.sh "$(LUA)"]],
  install_command = [[sh rock.sh "$(LUA)" "$(LIBDIR)"]],
}
