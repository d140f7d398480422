import { el, say } from '../element';
import { bytes, count } from '../format';
import type { State } from '../state';

const parts = [
  ['weights', 'Weights'],
  ['keys', 'Keys and values'],
  ['adapters', 'Adapters'],
  ['free', 'Free'],
] as const;

/** Memory by use: one stacked bar with its legend. */
export class Memory {
  private readonly bar = el('div', { class: 'stack', role: 'img' });
  private readonly figures = new Map<string, { segment: HTMLElement; value: HTMLElement }>();
  private readonly total = el('span', { class: 'aside' });
  private readonly note = el('p', { class: 'note' });
  readonly node: HTMLElement;

  constructor() {
    const legend = el('ul', { class: 'legend' });
    for (const [id, name] of parts) {
      const segment = el('span', { class: `segment fill-${id}` });
      const value = el('span', { class: 'number' });
      this.bar.append(segment);
      legend.append(el('li', {}, el('span', { class: `swatch fill-${id}` }), el('span', { class: 'name' }, name), value));
      this.figures.set(id, { segment, value });
    }
    this.node = el('section', { class: 'card memory', id: 'memory' }, el('header', {}, el('h2', {}, 'Memory'), this.total), this.bar, legend, this.note);
  }

  show(state: State): void {
    const memory = state.memory;
    this.node.hidden = memory === undefined;
    if (memory === undefined || state.engine === undefined) {
      return;
    }
    const sizes: Record<string, number> = { weights: memory.weights, keys: memory.keys, adapters: memory.adapters, free: Math.max(0, memory.budget - memory.keys - memory.adapters) };
    for (const [id, { segment, value }] of this.figures) {
      const size = sizes[id] ?? 0;
      segment.style.flexGrow = String(size);
      segment.classList.toggle('none', size === 0);
      say(value, bytes(size));
    }
    // What is kept for reuse only fills the bar, but is to be had.
    say(this.total, `${bytes(memory.weights + memory.keys + memory.adapters - memory.idle)} of ${bytes(memory.weights + memory.budget)} in use`);
    this.bar.setAttribute('aria-label', parts.map(([id, name]) => `${name} ${bytes(sizes[id] ?? 0)}`).join(', '));
    const loading = state.engine.loading > 0 ? `, ${count(state.engine.loading)} being read` : '';
    say(this.note, `${count(state.engine.resident)} of ${count(state.engine.registered)} adapters in memory${loading}. ${bytes(memory.idle)} is kept for reuse only and makes room when others need it.`);
  }
}
