import type { Query, State } from './state';

const stored = 'lorikeet-key';

/** A refusal, in the server's words. */
export class Refusal extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

/** The key, which lives as long as the tab. */
export const key = {
  get: (): string => sessionStorage.getItem(stored) ?? '',
  set: (value: string): void => (value ? sessionStorage.setItem(stored, value) : sessionStorage.removeItem(stored)),
};

function headers(): Record<string, string> {
  return key.get() ? { Authorization: `Bearer ${key.get()}` } : {};
}

async function refusalOf(response: Response): Promise<Refusal> {
  const body: unknown = await response.json().catch(() => null);
  const message = (body as { error?: { message?: string } } | null)?.error?.message;
  return new Refusal(response.status, message ?? `the server answered ${response.status}`);
}

/** The server's state, with some lines of its table. */
export async function fetchState(query: Query): Promise<State> {
  const wanted = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  const response = await fetch(`./lorikeet/v1/state?${wanted}`, { headers: headers(), cache: 'no-store', signal: AbortSignal.timeout(10_000) });
  if (!response.ok) {
    throw await refusalOf(response);
  }
  return (await response.json()) as State;
}

/** What to generate. */
export interface Ask {
  model: string;
  prompt: string;
  chat: boolean;
  maxTokens: number;
  temperature: number;
  seed: number | null;
}

/** A piece of an answer. */
export interface Piece {
  text: string;
  tokens: number | null;
  finish: string | null;
}

interface Chunk {
  error?: { message: string };
  choices?: { text?: string; delta?: { content?: string | null }; finish_reason?: string | null }[];
  usage?: { completion_tokens: number } | null;
}

/** Streams an answer, piece by piece. */
export async function* stream(ask: Ask, signal: AbortSignal): AsyncGenerator<Piece> {
  const body = {
    model: ask.model,
    ...(ask.chat ? { messages: [{ role: 'user', content: ask.prompt }] } : { prompt: ask.prompt }),
    max_tokens: ask.maxTokens,
    temperature: ask.temperature,
    ...(ask.seed === null ? {} : { seed: ask.seed }),
    stream: true,
    stream_options: { include_usage: true, continuous_usage_stats: true },
  };
  const response = await fetch(ask.chat ? './v1/chat/completions' : './v1/completions', {
    method: 'POST',
    headers: { ...headers(), 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  if (!response.ok || response.body === null) {
    throw await refusalOf(response);
  }
  for await (const data of events(response.body)) {
    if (data === '[DONE]') {
      return;
    }
    const chunk = JSON.parse(data) as Chunk;
    if (chunk.error) {
      throw new Refusal(200, chunk.error.message);
    }
    const choice = chunk.choices?.[0];
    yield { text: choice?.text ?? choice?.delta?.content ?? '', tokens: chunk.usage?.completion_tokens ?? null, finish: choice?.finish_reason ?? null };
  }
  throw new Error('the stream ended before its last event');
}

// Server-sent events: blocks of lines; only their data counts here.
async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      rest += value;
      for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
        const block = rest.slice(0, end);
        rest = rest.slice(end + 2);
        const data = block.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(line[5] === ' ' ? 6 : 5)).join('\n');
        if (data) {
          yield data;
        }
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
