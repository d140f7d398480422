import { el, say } from '../element';
import { bytes, count, rate, seconds } from '../format';
import { keyOf, type Query, type Row, type Spread, type State } from '../state';

interface Column {
  /** The server's name of the order. */
  id: string;
  name: string;
  /** The name where there are no heads. */
  short?: string;
  about: string;
  text: (row: Row) => string;
}

const number = (value: number, text: (value: number) => string): string => (value > 0 ? text(value) : '–');
const of = (spread: Spread | null, which: 'p50' | 'p95'): string => (spread ? seconds(spread[which]) : '–');

const columns: Column[] = [
  { id: 'now', name: 'Now', about: 'Requests that run or wait', text: (r) => number(r.running + r.waiting, count) },
  { id: 'rate', name: 'Tokens/s', about: 'Generated tokens a second, of the last five seconds', text: (r) => number(r.rate, rate) },
  { id: 'requests', name: 'Requests', about: 'Requests since the start', text: (r) => number(r.requests, count) },
  { id: 'tokens', name: 'Tokens', about: 'Generated since the start', text: (r) => number(r.generated, count) },
  { id: 'first50', name: 'First token p50', short: 'First p50', about: 'Time to the first token, median of the last 128 requests', text: (r) => of(r.first, 'p50') },
  { id: 'first95', name: 'p95', short: 'First p95', about: 'Time to the first token, 95th percentile of the last 128 requests', text: (r) => of(r.first, 'p95') },
  { id: 'token50', name: 'Per token p50', short: 'Token p50', about: 'Mean time between two tokens of an answer, median of the last 128 requests', text: (r) => of(r.token, 'p50') },
  { id: 'token95', name: 'p95', short: 'Token p95', about: 'Mean time between two tokens of an answer, 95th percentile of the last 128 requests', text: (r) => of(r.token, 'p95') },
];

const names: Record<Row['state'], string> = { resident: 'in memory', loading: 'being read', stored: 'on disk', gone: 'deleted', '': '' };

/** One adapter's line, made once and then changed in place. */
class Line {
  private readonly dot = el('span', { class: 'dot' });
  private readonly about = el('span', { class: 'about' });
  private readonly cells = columns.map((c) => el('td', { 'data-label': c.short ?? c.name }));
  private readonly pick = el('button', { type: 'button', class: 'pick' });
  readonly node: HTMLTableRowElement;

  constructor(public row: Row, toggle: (id: string) => void) {
    this.pick.addEventListener('click', () => toggle(this.row.id));
    const title = row.kind === 'mixtures' ? 'Mixtures' : row.kind === 'others' ? 'All others' : row.id;
    this.node = el('tr', {}, el('th', { scope: 'row' }, el('div', { class: 'who' }, this.dot, el('span', { class: 'id' }, title), this.about)), ...this.cells, el('td', { class: 'act' }, this.pick));
  }

  show(row: Row, picked: boolean, state: State): void {
    this.row = row;
    this.dot.className = `dot is-${row.state || 'none'}`;
    this.dot.title = names[row.state];
    const foreign = state.keyed && row.tenant !== undefined && row.tenant !== state.tenant ? row.tenant : '';
    const kind = row.kind === 'base' ? 'the bare model' : [row.method, row.rank ? `rank ${row.rank}` : '', row.bytes ? bytes(row.bytes) : '', row.pinned ? 'pinned' : '', foreign].filter(Boolean).join(' · ');
    say(this.about, kind ? `${kind}${row.kind === 'base' ? '' : ` · ${names[row.state]}`}` : names[row.state]);
    this.node.classList.toggle('busy', row.running + row.waiting > 0);
    columns.forEach((c, i) => {
      const cell = this.cells[i]!;
      const text = c.text(row);
      say(cell, text);
      cell.classList.toggle('quiet', text === '–');
    });
    this.pick.hidden = !row.usable;
    say(this.pick, picked ? '✓' : '+');
    this.pick.setAttribute('aria-pressed', String(picked));
    this.pick.setAttribute('aria-label', `${row.id} in the playground`);
    this.pick.title = picked ? 'Take out of the playground' : 'Add to the playground';
  }
}

// Where lines are cards, fewer of them fill a screen.
const narrow = matchMedia('(max-width: 860px)');

/** The table of adapters, a page at a time: where each is, what is asked of it, how fast it answers. The server finds and sorts, for it knows all of them. */
export class Adapters {
  private readonly lines = new Map<string, Line>();
  private readonly body = el('tbody');
  private readonly filter = el('input', { type: 'search', placeholder: 'Filter', 'aria-label': 'Filter adapters', autocomplete: 'off', spellcheck: 'false', input: () => this.turn(0) });
  private readonly note = el('p', { class: 'note', role: 'status' });
  private readonly back = el('button', { type: 'button', 'aria-label': 'Page before', title: 'Page before', click: () => this.turn(this.from - this.rows) }, '‹');
  private readonly on = el('button', { type: 'button', 'aria-label': 'Next page', title: 'Next page', click: () => this.turn(this.from + this.rows) }, '›');
  private readonly pages = el('nav', { class: 'pages', hidden: true, 'aria-label': 'Pages of adapters' }, this.back, this.on);
  private readonly heads: HTMLElement[];
  private sort: { id: string; down: boolean } | null = null;
  private from = 0;
  private last: State | null = null;
  readonly node: HTMLElement;

  constructor(private readonly changed: () => void, private readonly toggle: (id: string) => void, private readonly isPicked: (id: string) => boolean) {
    const head = (id: string, name: string, about: string): HTMLElement =>
      el('th', { scope: 'col', 'data-sort': id }, el('button', { type: 'button', title: about, click: () => this.order(id) }, name));
    this.heads = [head('name', 'Adapter', 'By name'), ...columns.map((c) => head(c.id, c.name, c.about))];
    this.node = el(
      'section', { class: 'card adapters', id: 'adapters' },
      el('header', {}, el('h2', {}, 'Adapters'), this.filter),
      el('table', {}, el('thead', {}, el('tr', {}, ...this.heads, el('th', {}, el('span', { class: 'hidden' }, 'Playground')))), this.body),
      el('footer', {}, this.note, this.pages),
    );
    narrow.addEventListener('change', () => this.turn(0));
  }

  /** Which lines are wanted. */
  get query(): Query {
    return { find: this.filter.value.trim(), from: this.from, rows: this.rows, ...(this.sort ? { order: this.sort.id, down: this.sort.down } : {}) };
  }

  private get rows(): number {
    return narrow.matches ? 8 : 20;
  }

  show(state: State): void {
    this.last = state;
    this.from = state.from;
    this.draw();
  }

  /** Draws what is known anew, for another choice. */
  draw(): void {
    const state = this.last;
    if (state === null) {
      return;
    }
    const known = new Set(state.adapters.map(keyOf));
    for (const key of this.lines.keys()) {
      if (!known.has(key)) {
        this.lines.delete(key);
      }
    }
    const nodes = state.adapters.map((row) => {
      const key = keyOf(row);
      let line = this.lines.get(key);
      if (line === undefined) {
        this.lines.set(key, (line = new Line(row, this.toggle)));
      }
      line.show(row, this.isPicked(row.id), state);
      return line.node;
    });
    // Moving a node takes the focus from it: only where the order differs.
    if (nodes.length !== this.body.children.length || nodes.some((node, i) => this.body.children[i] !== node)) {
      this.body.replaceChildren(...nodes);
    }
    const shown = state.from + state.adapters.length;
    this.pages.hidden = state.matching <= this.rows;
    this.back.disabled = state.from === 0;
    this.on.disabled = shown >= state.matching;
    say(this.note, this.words(state, shown));
  }

  private words(state: State, shown: number): string {
    return state.matching > state.adapters.length ? `${count(state.from + 1)} to ${count(shown)} of ${count(state.matching)}${this.sort ? '' : ', the busiest of the last minute first'}`
      : state.matching === 0 && this.filter.value.trim() ? 'No adapter has that in its name.'
      : state.matching <= 1 && !this.filter.value.trim() ? 'No adapters so far: lorikeet serve --adapter NAME=FOLDER, or upload one.'
      : '';
  }

  private turn(from: number): void {
    this.from = Math.max(0, from);
    this.changed();
  }

  private order(id: string): void {
    this.sort = this.sort?.id !== id ? { id, down: id !== 'name' } : this.sort.down === (id !== 'name') ? { id, down: !this.sort.down } : null;
    for (const head of this.heads) {
      const mine = this.sort !== null && head.dataset['sort'] === this.sort.id;
      if (mine) {
        head.setAttribute('aria-sort', this.sort?.down ? 'descending' : 'ascending');
      } else {
        head.removeAttribute('aria-sort');
      }
    }
    this.turn(0);
  }
}
