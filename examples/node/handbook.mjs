// An assistant that answers from a folder of documents and calls a tool of this program:
//   node handbook.mjs [SPEC] [DOCUMENTS] [QUESTION] [--json]
// AIKIT_MODEL (for instance openai/gpt-4o-mini) takes the place of the scripted model.

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const before = performance.now();
// In a program of your own: from "@aikit/core".
const { open } = await import("../../bindings/node/index.mjs");
const importMs = performance.now() - before;

const example = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean", default: false } },
});
const [
  specPath = example("specs/handbook.yaml"),
  documents = example("handbook"),
  question = "How many days of leave do I have left, and how many may I carry over?",
] = positionals;

const kernel = await open();
kernel.tool({
  name: "leave_balance",
  description: "How many days of leave an employee has left this year",
  parameters: {
    type: "object",
    properties: { employee: { type: "string", description: "The employee's short name" } },
    required: ["employee"],
  },
  run: ({ employee }) => ({ employee, days: 12 }),
});
await kernel.collection("handbook").ingest(documents);
const agent = await kernel.agent(specPath, { model: process.env.AIKIT_MODEL });

const started = performance.now();
const run = agent.start(question);
let events = 0;
for await (const event of run) {
  events += 1;
  if (event.type === "text_delta") process.stdout.write(event.text);
  if (event.type === "tool_finished") process.stdout.write(`\n(${event.name} answered)\n`);
}
const result = await run.result();
const runMs = performance.now() - started;

console.log("\n");
for (const { marker, source, title } of result.citations) console.log(`${marker} ${title} (${source})`);
console.log(`${result.usage.input_tokens} tokens in, ${result.usage.output_tokens} out, ${result.turns} turns`);
await kernel.close();

if (values.json) {
  const rounded = (ms) => Math.round(ms * 100) / 100;
  console.log(
    JSON.stringify({
      language: "Node",
      answer: result.text,
      events,
      import_ms: rounded(importMs),
      run_ms: rounded(runMs),
      citations: result.citations.length,
    }),
  );
}
