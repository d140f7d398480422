import { el, say } from '../element';
import { bytes, count, rate, seconds } from '../format';
import { keyOf, type Rates, type Row, type Spread, type State } from '../state';

interface Column {
  id: string;
  name: string;
  /** The name where there are no heads. */
  short?: string;
  about: string;
  value: (row: Row, rates: Rates | null) => number | string;
  text: (row: Row, rates: Rates | null) => string;
}

const speed = (row: Row, rates: Rates | null): number => rates?.byRow.get(keyOf(row)) ?? 0;
const of = (spread: Spread | null, which: 'p50' | 'p95'): string => (spread ? seconds(spread[which]) : '–');

const columns: Column[] = [
  { id: 'now', name: 'Now', about: 'Requests that run or wait', value: (r) => r.running + r.waiting, text: (r) => (r.running + r.waiting ? count(r.running + r.waiting) : '–') },
  { id: 'rate', name: 'Tokens/s', about: 'Generated tokens a second', value: speed, text: (r, rates) => (speed(r, rates) ? rate(speed(r, rates)) : '–') },
  { id: 'requests', name: 'Requests', about: 'Requests since the start', value: (r) => r.requests, text: (r) => (r.requests ? count(r.requests) : '–') },
  { id: 'tokens', name: 'Tokens', about: 'Generated since the start', value: (r) => r.generated, text: (r) => (r.generated ? count(r.generated) : '–') },
  { id: 'first50', name: 'First token p50', short: 'First p50', about: 'Time to the first token, median of the last 256 requests', value: (r) => r.first?.p50 ?? -1, text: (r) => of(r.first, 'p50') },
  { id: 'first95', name: 'p95', short: 'First p95', about: 'Time to the first token, 95th percentile of the last 256 requests', value: (r) => r.first?.p95 ?? -1, text: (r) => of(r.first, 'p95') },
  { id: 'token50', name: 'Per token p50', short: 'Token p50', about: 'Mean time between two tokens of an answer, median of the last 256 requests', value: (r) => r.token?.p50 ?? -1, text: (r) => of(r.token, 'p50') },
  { id: 'token95', name: 'p95', short: 'Token p95', about: 'Mean time between two tokens of an answer, 95th percentile of the last 256 requests', value: (r) => r.token?.p95 ?? -1, text: (r) => of(r.token, 'p95') },
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

  show(row: Row, rates: Rates | null, picked: boolean, state: State): void {
    this.row = row;
    this.dot.className = `dot is-${row.state || 'none'}`;
    this.dot.title = names[row.state];
    const foreign = state.keyed && row.tenant !== undefined && row.tenant !== state.tenant ? row.tenant : '';
    const kind = row.kind === 'base' ? 'base' : [row.method, row.rank ? `rank ${row.rank}` : '', row.bytes ? bytes(row.bytes) : '', row.pinned ? 'pinned' : '', foreign].filter(Boolean).join(' · ');
    say(this.about, kind ? `${kind}${row.kind === 'base' ? '' : ` · ${names[row.state]}`}` : names[row.state]);
    this.node.classList.toggle('busy', row.running + row.waiting > 0);
    columns.forEach((c, i) => {
      const cell = this.cells[i]!;
      const text = c.text(row, rates);
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

/** The table of adapters: where each is, what is asked of it, how fast it answers. */
export class Adapters {
  private readonly lines = new Map<string, Line>();
  private readonly body = el('tbody');
  private readonly filter = el('input', { type: 'search', placeholder: 'Filter', 'aria-label': 'Filter adapters', autocomplete: 'off', spellcheck: 'false', input: () => this.draw() });
  private readonly more = el('p', { class: 'note' });
  private readonly heads: HTMLElement[];
  private sort: { id: string; down: boolean } | null = null;
  private last: { state: State; rates: Rates | null } | null = null;
  readonly node: HTMLElement;

  constructor(private readonly toggle: (id: string) => void, private readonly isPicked: (id: string) => boolean) {
    const head = (id: string, name: string, about: string): HTMLElement =>
      el('th', { scope: 'col', 'data-sort': id }, el('button', { type: 'button', title: about, click: () => this.order(id) }, name));
    this.heads = [head('name', 'Adapter', 'By name'), ...columns.map((c) => head(c.id, c.name, c.about))];
    this.node = el(
      'section', { class: 'card adapters', id: 'adapters' },
      el('header', {}, el('h2', {}, 'Adapters'), this.filter),
      el('table', {}, el('thead', {}, el('tr', {}, ...this.heads, el('th', {}, el('span', { class: 'hidden' }, 'Playground')))), this.body),
      this.more,
    );
  }

  show(state: State, rates: Rates | null): void {
    this.last = { state, rates };
    this.draw();
  }

  /** Draws what is known anew, for another order, filter or choice. */
  draw(): void {
    if (this.last === null) {
      return;
    }
    const { state, rates } = this.last;
    const wanted = this.filter.value.trim().toLowerCase();
    const shown = state.adapters.filter((row) => wanted === '' || `${row.id} ${row.method ?? ''} ${row.tenant ?? ''}`.toLowerCase().includes(wanted));
    const order = this.sort;
    if (order !== null) {
      const column = columns.find((c) => c.id === order.id);
      const value = (row: Row): number | string => column?.value(row, rates) ?? row.id.toLowerCase();
      shown.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (order.down ? -1 : 1));
    }
    const nodes = shown.map((row) => {
      const key = keyOf(row);
      let line = this.lines.get(key);
      if (line === undefined) {
        this.lines.set(key, (line = new Line(row, this.toggle)));
      }
      line.show(row, rates, this.isPicked(row.id), state);
      return line.node;
    });
    // Moving a node takes the focus from it: only where the order differs.
    if (nodes.length !== this.body.children.length || nodes.some((node, i) => this.body.children[i] !== node)) {
      this.body.replaceChildren(...nodes);
    }
    const known = new Set(state.adapters.map(keyOf));
    for (const key of this.lines.keys()) {
      if (!known.has(key)) {
        this.lines.delete(key);
      }
    }
    say(this.more, state.more > 0 ? `${count(state.more)} more without traffic are not listed.` : shown.length === 0 && wanted ? 'No adapter has that in its name.' : state.adapters.length <= 1 ? 'No adapters so far: lorikeet serve --adapter NAME=FOLDER, or upload one.' : '');
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
    this.draw();
  }
}
