import { el, say } from '../element';
import { fetchState } from '../server';
import type { State } from '../state';
import { Answer } from './answer';

const most = 6;

const usableOf = (state: State): string[] => state.adapters.filter((row) => row.usable).map((row) => row.id);

/** One prompt through several adapters at once, side by side. */
export class Playground {
  private readonly answers = new Map<string, Answer>();
  private readonly names = el('datalist', { id: 'names' });
  private readonly add = el('input', { list: 'names', placeholder: 'Add adapter', 'aria-label': 'Add an adapter by name', autocomplete: 'off', spellcheck: 'false', input: () => void this.suggest(), change: () => this.addTyped() });
  private readonly prompt = el('textarea', { id: 'prompt', rows: '3', placeholder: 'One prompt for all columns', 'aria-label': 'Prompt', spellcheck: 'false' });
  private readonly tokens = el('input', { type: 'number', min: '1', max: '4096', value: '96', inputmode: 'numeric' });
  private readonly temperature = el('input', { type: 'number', min: '0', max: '2', step: '0.1', value: '0.7', inputmode: 'decimal' });
  private readonly seed = el('input', { type: 'number', min: '0', step: '1', placeholder: 'any', inputmode: 'numeric' });
  private readonly mode = el('select', {}, el('option', { value: 'chat' }, 'Chat'), el('option', { value: 'text' }, 'Plain text'));
  private readonly send = el('button', { type: 'submit', class: 'primary', title: 'Ctrl-Enter or ⌘-Enter' }, 'Send');
  private readonly stop = el('button', { type: 'button', disabled: true, title: 'Esc', click: () => this.running?.abort() }, 'Stop');
  private readonly hint = el('p', { class: 'note', role: 'status' });
  private readonly columns = el('div', { class: 'columns' });
  private running: AbortController | null = null;
  private begun = false;
  readonly node: HTMLElement;

  constructor(private readonly changed: () => void) {
    const form = el(
      'form', { submit: (event: SubmitEvent) => (event.preventDefault(), void this.run()), keydown: (event: KeyboardEvent) => this.key(event) },
      this.prompt,
      el(
        'div', { class: 'controls' },
        el('label', {}, 'As', this.mode), el('label', {}, 'Tokens', this.tokens), el('label', {}, 'Temperature', this.temperature), el('label', {}, 'Seed', this.seed),
        el('span', { class: 'buttons' }, this.stop, this.send),
      ),
    );
    this.node = el('section', { class: 'card playground', id: 'playground' }, el('header', {}, el('h2', {}, 'Playground'), this.add, this.names), form, this.hint, this.columns);
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') {
        this.running?.abort();
      }
    });
    this.tell();
  }

  has(id: string): boolean {
    return this.answers.has(id);
  }

  /** Adds an adapter, or takes it out. */
  toggle(id: string): void {
    const known = this.answers.get(id);
    if (known !== undefined) {
      this.answers.delete(id);
      known.node.remove();
    } else if (this.answers.size < most) {
      const answer = new Answer(id, (name) => this.toggle(name));
      this.answers.set(id, answer);
      this.columns.append(answer.node);
    } else {
      say(this.hint, `${most} columns are the most; take one out first.`);
      return;
    }
    this.tell();
    this.changed();
  }

  /** At first the base and an adapter or two are chosen. */
  show(state: State): void {
    if (!this.begun) {
      this.begun = true;
      this.mode.value = state.chat ? 'chat' : 'text';
      this.tokens.max = String(state.context);
      const usable = usableOf(state);
      this.offer(usable);
      usable.slice(0, 3).forEach((id) => this.toggle(id));
    }
  }

  private key(event: KeyboardEvent): void {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void this.run();
    }
  }

  private offer(names: string[]): void {
    this.names.replaceChildren(...names.map((id) => el('option', { value: id })));
  }

  // There may be thousands: the server is asked for those that fit.
  private async suggest(): Promise<void> {
    const find = this.add.value.trim();
    try {
      const state = await fetchState({ find, rows: 20 });
      if (find === this.add.value.trim()) {
        this.offer(usableOf(state));
      }
    } catch {
      // The header says that the server does not answer; a name can be typed all the same.
      return;
    }
  }

  private addTyped(): void {
    const name = this.add.value.trim();
    if (name && !this.answers.has(name)) {
      this.toggle(name);
    }
    this.add.value = '';
  }

  private async run(): Promise<void> {
    if (this.running !== null || this.answers.size === 0) {
      return;
    }
    if (this.prompt.value === '') {
      this.prompt.focus();
      return;
    }
    const running = (this.running = new AbortController());
    this.buttons();
    const ask = {
      prompt: this.prompt.value,
      chat: this.mode.value === 'chat',
      maxTokens: Math.max(1, Math.round(this.tokens.valueAsNumber) || 96),
      temperature: Number.isFinite(this.temperature.valueAsNumber) ? this.temperature.valueAsNumber : 0.7,
      seed: Number.isFinite(this.seed.valueAsNumber) ? Math.round(this.seed.valueAsNumber) : null,
    };
    await Promise.all([...this.answers.values()].map((answer) => answer.run(ask, running.signal)));
    this.running = null;
    this.buttons();
  }

  private buttons(): void {
    this.send.disabled = this.running !== null || this.answers.size === 0;
    this.stop.disabled = this.running === null;
  }

  private tell(): void {
    this.buttons();
    say(this.hint, this.answers.size === 0 ? 'Choose adapters with + in the table, or by name.' : '');
  }
}
