import { el, say } from '../element';
import { count, rate } from '../format';
import type { Rates, State } from '../state';
import { Sparkline } from './sparkline';

/** One figure with what belongs to it, and its last two minutes. */
class Figure {
  private readonly value = el('span', { class: 'value' }, '–');
  private readonly peak = el('span', { class: 'peak', title: 'The highest of the last two minutes' });
  private readonly note = el('p', { class: 'note' }, '\u00a0');
  private readonly spark: Sparkline;
  readonly node: HTMLElement;

  constructor(name: string, unit: string, id: string, private readonly format: (value: number) => string) {
    this.spark = new Sparkline(name, format);
    this.node = el('article', { class: `card figure figure-${id}`, id: `figure-${id}` }, el('header', {}, el('h2', {}, name), this.peak), el('p', { class: 'big' }, this.value, unit ? el('span', { class: 'unit' }, unit) : null), this.spark.node, this.note);
  }

  /** Shows a value; null: it is not known yet. */
  show(value: number | null, note: string): void {
    say(this.value, value === null ? '–' : this.format(value));
    say(this.note, note || '\u00a0');
    if (value !== null) {
      const most = this.spark.add(value);
      say(this.peak, most > 0 ? `peak ${this.format(most)}` : '');
    }
  }
}

/** Tokens, batch, queue, requests. */
export class Figures {
  private readonly tokens = new Figure('Generated', 'tokens/s', 'tokens', rate);
  private readonly running = new Figure('Running', 'answers', 'running', count);
  private readonly waiting = new Figure('Queue', 'waiting', 'queue', count);
  private readonly prompt = new Figure('Prompts', 'tokens/s', 'prompt', rate);
  readonly node = el('section', { class: 'figures', 'aria-label': 'Load' }, this.tokens.node, this.running.node, this.waiting.node, this.prompt.node);

  show(state: State, rates: Rates | null): void {
    const engine = state.engine;
    const found = engine && engine.prefix_queries > 0 ? `${Math.round((100 * engine.prefix_hits) / engine.prefix_queries)}\u00a0% cached` : '';
    this.tokens.show(rates && rates.tokens, `${count(state.generated)} since the start`);
    const rows = rates?.rows ? `${rates.rows.toFixed(1)} rows a step` : '';
    this.running.show(state.running, engine ? [`at most ${count(engine.most_sequences)}`, rows].filter(Boolean).join(' · ') : 'of this key\u2019s tenant');
    this.waiting.show(state.waiting, `${count(state.requests)} requests since the start`);
    this.prompt.show(rates && rates.prompt, [`${count(state.prompt)} since the start`, found].filter(Boolean).join(' · '));
  }
}
