/** Two percentiles in seconds. */
export interface Spread {
  p50: number;
  p95: number;
}

/** A line of the table: the base, an adapter, or all mixtures. */
export interface Row {
  id: string;
  kind: 'base' | 'adapter' | 'mixtures' | 'others';
  state: 'resident' | 'loading' | 'stored' | 'gone' | '';
  usable: boolean;
  tenant?: string;
  method?: string;
  rank?: number;
  bytes?: number;
  version?: number;
  pinned?: boolean;
  requests: number;
  waiting: number;
  running: number;
  prompt: number;
  generated: number;
  /** Generated tokens a second, of the last five. */
  rate: number;
  first: Spread | null;
  token: Spread | null;
}

/** What `GET /lorikeet/v1/state` answers. */
export interface State {
  version: string;
  base: string;
  context: number;
  chat: boolean;
  tenant: string;
  keyed: boolean;
  whole: boolean;
  /** Seconds since the server's start. */
  time: number;
  generated: number;
  prompt: number;
  requests: number;
  running: number;
  waiting: number;
  engine?: { steps: number; rows: number; loading: number; resident: number; registered: number; prefix_queries: number; prefix_hits: number; most_sequences: number };
  memory?: { weights: number; keys: number; adapters: number; idle: number; budget: number };
  /** The lines that were asked for, how many precede them, and how many there are of the kind. */
  adapters: Row[];
  from: number;
  matching: number;
}

/** Which lines of the table are wanted. */
export interface Query {
  find?: string;
  from?: number;
  rows?: number;
  order?: string;
  down?: boolean;
}

/** What differs from the state before it, by the second. */
export interface Rates {
  tokens: number;
  prompt: number;
  rows: number | null;
}

/** A row's name among all: two tenants may have one name. */
export const keyOf = (row: Row): string => `${row.kind}/${row.tenant ?? ''}/${row.id}`;

/** Rates between two states; null where the server started anew or there was none before. */
export function ratesBetween(before: State | null, now: State): Rates | null {
  const passed = before === null ? 0 : now.time - before.time;
  if (before === null || passed <= 0 || now.generated < before.generated) {
    return null;
  }
  return {
    tokens: (now.generated - before.generated) / passed,
    prompt: Math.max(0, now.prompt - before.prompt) / passed,
    rows: now.engine && before.engine && now.engine.steps > before.engine.steps ? (now.engine.rows - before.engine.rows) / (now.engine.steps - before.engine.steps) : null,
  };
}
