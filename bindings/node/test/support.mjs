// What the tests share: specs with scripted models, and a run of another Node process.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
export const EXAMPLES = fileURLToPath(new URL("../../../examples/", import.meta.url));

/** The text of a spec (JSON is YAML) whose model answers with these turns. */
export function scripted(script, { tools = [], id = "tested", ...layers } = {}) {
  return JSON.stringify({
    identity: { agent_id: id },
    integration: { tools },
    intelligence: { model: "scripted/tested", script },
    ...layers,
  });
}

/** A turn that goes on for far longer than any test. */
export const ENDLESS = { deltas: Array.from({ length: 2000 }, (_, n) => `${n} `), delay_ms: 20 };

export async function withFolder(use) {
  const folder = await mkdtemp(join(tmpdir(), "aikit-node-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Tries this until it gives something true, for a minute at most, and gives that. */
export async function eventually(attempt) {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const found = await attempt();
    if (found || performance.now() > deadline) return found;
    await sleep(10);
  }
}

/**
 * The shortest of a few times in milliseconds, measured until one is within the limit: what counts
 * is how fast the package is, not who else uses the machine.
 */
export async function fastest(limit, measure) {
  let best = Infinity;
  for (let round = 0; round < 5 && best >= limit; round += 1) best = Math.min(best, await measure(round));
  return best;
}

/** Runs a program (text of an ES module, with `core` imported) in a process of its own. */
export function program(source, { timeout = 60_000, args = [] } = {}) {
  const head = `import * as core from ${JSON.stringify(join(PACKAGE, "index.mjs"))};\n`;
  const child = spawn(process.execPath, ["--input-type=module", ...args, "--eval", head + source], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const started = performance.now();
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) =>
      resolve({ code, signal, stdout, stderr, ms: performance.now() - started }),
    );
  });
}
