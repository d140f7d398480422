// OpenAI's own client for JavaScript against a server: npm install, then node check.mjs http://127.0.0.1:8000/v1 [MODEL] [KEY]
import OpenAI from "openai";
import assert from "node:assert/strict";

const [baseURL = "http://127.0.0.1:8000/v1", model, apiKey = "unused"] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const name = model ?? (await client.models.list()).data[0].id;
const messages = [{ role: "user", content: "hi" }];
const checks = {
  async chat() {
    const answer = await client.chat.completions.create({ model: name, messages, max_tokens: 8, temperature: 0, logprobs: true, top_logprobs: 2 });
    assert.equal(answer.model, name);
    assert.equal(answer.choices[0].logprobs.content.length, answer.usage.completion_tokens);
  },
  async stream() {
    const settings = { model: name, messages, max_tokens: 16, temperature: 0 };
    const whole = await client.chat.completions.create(settings);
    let text = "", usage;
    for await (const chunk of await client.chat.completions.create({ ...settings, stream: true, stream_options: { include_usage: true } })) {
      text += chunk.choices[0]?.delta?.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, whole.choices[0].message.content);
    assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
  },
  async tools() {
    const parameters = { type: "object", properties: { city: { enum: ["Oslo", "Rome"] } }, required: ["city"], additionalProperties: false };
    const answer = await client.chat.completions.create({
      model: name, messages, max_tokens: 400, parallel_tool_calls: false, tool_choice: "required",
      tools: [{ type: "function", function: { name: "weather", parameters, strict: true } }],
    });
    assert.equal(answer.choices[0].finish_reason, "tool_calls");
    const call = answer.choices[0].message.tool_calls[0];
    assert.ok(["Oslo", "Rome"].includes(JSON.parse(call.function.arguments).city));
    await client.chat.completions.create({ model: name, max_tokens: 2, messages: [...messages, answer.choices[0].message, { role: "tool", tool_call_id: call.id, content: "sunny" }] });
  },
  async schema() {
    const schema = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"], additionalProperties: false };
    const answer = await client.chat.completions.create({ model: name, messages, max_tokens: 200, response_format: { type: "json_schema", json_schema: { name: "p", schema, strict: true } } });
    assert.equal(typeof JSON.parse(answer.choices[0].message.content).ok, "boolean");
  },
  async completions() {
    const answer = await client.completions.create({ model: name, prompt: ["ab", "cd"], n: 2, max_tokens: 3 });
    assert.equal(answer.choices.length, 4);
  },
  async embeddings() {
    const vectors = await client.embeddings.create({ model: name, input: ["ab", "cd"] });
    const length = Math.hypot(...vectors.data[1].embedding);
    assert.ok(Math.abs(length - 1) < 1e-4);
    const floats = await client.embeddings.create({ model: name, input: ["ab", "cd"], encoding_format: "float" });
    assert.deepEqual(floats.data[0].embedding.map(Math.fround), vectors.data[0].embedding.map(Math.fround));
  },
  async models() {
    assert.equal((await client.models.retrieve(name)).id, name);
  },
  async errors() {
    await assert.rejects(client.chat.completions.create({ model: "no-such-model", messages }), OpenAI.NotFoundError);
    await assert.rejects(client.chat.completions.create({ model: name, messages, temperature: 9 }), OpenAI.BadRequestError);
  },
};
let failed = 0;
for (const [title, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok   ${title}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${title}: ${error.message}`);
  }
}
process.exit(failed);
