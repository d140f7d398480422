// OpenAI's own client for JavaScript against a running server, unchanged: npm ci, then
//   LORIKEET_URL=http://127.0.0.1:8000 node --test
// LORIKEET_MODEL names the model (default: the first of the list). LORIKEET_KEYED_URL is a server that wants LORIKEET_KEY, whose limit is one
// request at once; LORIKEET_DEAD_URL an address where nobody listens. What is not set is not tested.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';

const { LORIKEET_URL: url = 'http://127.0.0.1:8000', LORIKEET_KEYED_URL: keyed, LORIKEET_KEY: key, LORIKEET_DEAD_URL: dead } = process.env;
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 });
const model = process.env.LORIKEET_MODEL ?? (await client.models.list()).data[0].id;
const messages = [{ role: 'user', content: 'hi' }];
const parameters = { type: 'object', properties: { city: { enum: ['Oslo', 'Rome'] } }, required: ['city'], additionalProperties: false };
const tools = [{ type: 'function', function: { name: 'weather', description: 'The weather.', parameters, strict: true } }];

/** A client that notes the status of every answer it gets; `fetch` is its way to the server. */
function counting(options = {}, way = fetch) {
  const statuses = [];
  const counted = async (...what) => {
    const response = await way(...what);
    statuses.push(response.status);
    return response;
  };
  return [new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', fetch: counted, ...options }), statuses];
}

test('chat', async () => {
  const answer = await client.chat.completions.create({ model, messages: [{ role: 'system', content: 'Be brief.' }, ...messages], max_tokens: 8, temperature: 0, logprobs: true, top_logprobs: 2 });
  assert.equal(answer.object, 'chat.completion');
  assert.equal(answer.model, model);
  assert.equal(answer.choices[0].message.role, 'assistant');
  assert.equal(answer.choices[0].logprobs.content.length, answer.usage.completion_tokens);
  assert.ok(answer.usage.completion_tokens <= 8);
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

test('chat with several choices and a seed is repeatable', async () => {
  const settings = { model, messages, max_tokens: 8, n: 3, seed: 7, temperature: 1 };
  const [first, second] = [await client.chat.completions.create(settings), await client.chat.completions.create(settings)];
  assert.deepEqual(first.choices.map((c) => c.index), [0, 1, 2]);
  assert.deepEqual(first.choices.map((c) => c.message.content), second.choices.map((c) => c.message.content));
});

test('a stream is the plain answer in pieces', async () => {
  const settings = { model, messages, max_tokens: 24, temperature: 0 };
  const whole = await client.chat.completions.create(settings);
  let text = '', usage, reason;
  for await (const chunk of await client.chat.completions.create({ ...settings, stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta?.content ?? '';
    reason = chunk.choices[0]?.finish_reason ?? reason;
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(reason, whole.choices[0].finish_reason);
  assert.deepEqual(usage.completion_tokens, whole.usage.completion_tokens);
});

test('the helper that collects a stream takes it', async () => {
  const settings = { model, messages, max_tokens: 24, temperature: 0 };
  const whole = await client.chat.completions.create(settings);
  const stream = client.chat.completions.stream(settings);
  let deltas = '';
  stream.on('content', (delta) => (deltas += delta));
  const final = await stream.finalChatCompletion();
  assert.equal(final.choices[0].message.content, whole.choices[0].message.content);
  assert.equal(deltas, whole.choices[0].message.content);
});

test('a stream that is left ends the request', async () => {
  const stream = await client.chat.completions.create({ model, messages, max_tokens: 500, stream: true });
  for await (const chunk of stream) {
    assert.ok(chunk.id);
    break;
  }
  assert.ok(stream.controller.signal.aborted);
  assert.ok((await client.chat.completions.create({ model, messages, max_tokens: 1 })).id);
});

test('tools: the whole loop', async () => {
  const settings = { model, messages, max_tokens: 900, parallel_tool_calls: false, tool_choice: 'required', tools };
  const answer = await client.chat.completions.create(settings);
  assert.equal(answer.choices[0].finish_reason, 'tool_calls');
  const [call] = answer.choices[0].message.tool_calls;
  assert.equal(call.function.name, 'weather');
  assert.ok(['Oslo', 'Rome'].includes(JSON.parse(call.function.arguments).city));
  const after = await client.chat.completions.create({ model, max_tokens: 2, tools, messages: [...messages, answer.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'sunny' }] });
  assert.ok(after.id);
});

test('tools in a stream', async () => {
  const stream = client.chat.completions.stream({ model, messages, max_tokens: 900, parallel_tool_calls: false, tool_choice: { type: 'function', function: { name: 'weather' } }, tools });
  const [call] = (await stream.finalChatCompletion()).choices[0].message.tool_calls;
  assert.equal(call.function.name, 'weather');
  assert.ok(['Oslo', 'Rome'].includes(JSON.parse(call.function.arguments).city));
});

test('JSON schema', async () => {
  const schema = { type: 'object', properties: { ok: { type: 'boolean' }, n: { type: 'integer', minimum: 0, maximum: 99 } }, required: ['ok', 'n'], additionalProperties: false };
  const answer = await client.chat.completions.parse({ model, messages, max_tokens: 900, response_format: { type: 'json_schema', json_schema: { name: 'p', schema, strict: true } } });
  const value = JSON.parse(answer.choices[0].message.content);
  assert.equal(typeof value.ok, 'boolean');
  assert.ok(Number.isInteger(value.n) && value.n >= 0 && value.n <= 99);
});

test('completions', async () => {
  const answer = await client.completions.create({ model, prompt: ['ab', 'cd'], n: 2, max_tokens: 3, echo: true, logprobs: 1 });
  assert.equal(answer.choices.length, 4);
  assert.deepEqual(answer.choices.map((c) => c.text.slice(0, 2)), ['ab', 'ab', 'cd', 'cd']);
  let text = '';
  for await (const chunk of await client.completions.create({ model, prompt: 'ab', max_tokens: 3, temperature: 0, stream: true })) {
    text += chunk.choices[0]?.text ?? '';
  }
  assert.equal(text, (await client.completions.create({ model, prompt: 'ab', max_tokens: 3, temperature: 0 })).choices[0].text);
});

test('embeddings, which the client wants in base64 unless told', async () => {
  const vectors = await client.embeddings.create({ model, input: ['ab', 'cd'] });
  assert.equal(vectors.data.length, 2);
  assert.ok(Math.abs(Math.hypot(...vectors.data[1].embedding) - 1) < 1e-4);
  const floats = await client.embeddings.create({ model, input: ['ab', 'cd'], encoding_format: 'float' });
  assert.deepEqual(floats.data[0].embedding.map(Math.fround), Array.from(vectors.data[0].embedding, Math.fround));
});

test('models', async () => {
  const ids = [];
  for await (const one of client.models.list()) {
    ids.push(one.id);
  }
  assert.ok(ids.includes(model));
  assert.equal((await client.models.retrieve(model)).id, model);
  await assert.rejects(client.models.retrieve('no-such-model'), OpenAI.NotFoundError);
});

test('errors have their classes, and what cannot get better is not repeated', async () => {
  const [patient, statuses] = counting({ maxRetries: 2 });
  await assert.rejects(patient.chat.completions.create({ model: 'no-such-model', messages }), (error) => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found');
  await assert.rejects(patient.chat.completions.create({ model, messages, temperature: 9 }), (error) => error instanceof OpenAI.BadRequestError && error.param === 'temperature' && /temperature/.test(error.message));
  await assert.rejects(patient.chat.completions.create({ model }), OpenAI.BadRequestError);
  assert.deepEqual(statuses, [404, 400, 400]);
});

test('an error in a stream is thrown before its first piece', async () => {
  await assert.rejects(client.chat.completions.create({ model, messages, stream: true, n: -1 }), OpenAI.BadRequestError);
});

test('a time limit of the client ends the request', async () => {
  const [hasty] = counting({ maxRetries: 0, timeout: 1 });
  await assert.rejects(hasty.chat.completions.create({ model, messages, max_tokens: 900 }), OpenAI.APIConnectionTimeoutError);
});

test('a connection that breaks is tried again', async () => {
  let attempts = 0;
  const [client] = counting({ maxRetries: 2 }, (...what) => (attempts++ < 2 ? Promise.reject(new TypeError('fetch failed')) : fetch(...what)));
  assert.ok((await client.chat.completions.create({ model, messages, max_tokens: 1 })).id);
  assert.equal(attempts, 3);
});

test('nobody there', { skip: !dead }, async () => {
  await assert.rejects(new OpenAI({ baseURL: `${dead}/v1`, apiKey: 'unused', maxRetries: 0 }).models.list(), OpenAI.APIConnectionError);
});

test('keys', { skip: !keyed }, async () => {
  const [stranger, statuses] = counting({ baseURL: `${keyed}/v1`, apiKey: 'lk-wrong', maxRetries: 2 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  assert.deepEqual(statuses, [401]);
  assert.equal((await new OpenAI({ baseURL: `${keyed}/v1`, apiKey: key, maxRetries: 0 }).chat.completions.create({ model, messages, max_tokens: 1 })).object, 'chat.completion');
});

test('too many at once: 429, which the client repeats after the time it is told', { skip: !keyed, timeout: 300_000 }, async () => {
  const [patient, statuses] = counting({ baseURL: `${keyed}/v1`, apiKey: key, maxRetries: 10 });
  const [hasty] = counting({ baseURL: `${keyed}/v1`, apiKey: key, maxRetries: 0 });
  // Its head is here, so it runs, and the limit is one at once.
  const stream = await hasty.chat.completions.create({ model, messages, max_tokens: 900, stream: true, ignore_eos: true });
  const began = performance.now();
  let waiting;
  try {
    await assert.rejects(hasty.chat.completions.create({ model, messages, max_tokens: 1 }), (error) => error instanceof OpenAI.RateLimitError && error.code === 'rate_limit_exceeded');
    waiting = patient.chat.completions.create({ model, messages, max_tokens: 1 });
    while (!statuses.includes(429)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  } finally {
    stream.controller.abort();
  }
  assert.ok((await waiting).id);
  assert.equal(statuses.at(-1), 200);
  assert.ok(performance.now() - began >= 900, 'retry-after said a second');
});
