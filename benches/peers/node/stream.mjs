// The Vercel AI SDK on the chat wire: stream.mjs BASE_URL MODEL. See ../src/other.rs.
import { createOpenAI } from '@ai-sdk/openai'
import { streamText } from 'ai'
import { createInterface } from 'node:readline'

const [baseURL, name] = process.argv.slice(2)
const model = createOpenAI({ baseURL, apiKey: 'none' }).chat(name)

for await (const line of createInterface({ input: process.stdin })) {
  const before = process.cpuUsage()
  let pieces = 0
  for (let i = 0; i < Number(line); i++) {
    for await (const piece of streamText({ model, prompt: 'What is 19 and 23?' }).textStream) {
      if (piece) pieces++
    }
  }
  const { user, system } = process.cpuUsage(before)
  console.log(JSON.stringify({ cpu_ms: (user + system) / 1000, pieces }))
}
