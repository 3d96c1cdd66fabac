// Compiled, never run: the package as CommonJS sees it.
import core = require("@aikit/core");

export async function version(): Promise<string> {
  const kernel: core.Kernel = await core.open();
  await kernel.close();
  return core.version;
}
