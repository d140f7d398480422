import { el, say } from '../element';
import { key } from '../server';
import type { State } from '../state';

function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return minutes < 1 ? `${Math.floor(seconds)} s` : minutes < 60 ? `${minutes} min` : minutes < 2880 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 1440)} days`;
}

/** Name, base, how long it runs, whether it answers, and the key. */
export class Header {
  private readonly base = el('span', { class: 'base' });
  private readonly about = el('span', { class: 'aside' });
  private readonly live = el('span', { class: 'live', role: 'status' }, 'connecting');
  private readonly field = el('input', { type: 'password', name: 'key', placeholder: 'lk-…', 'aria-label': 'Key', autocomplete: 'off' });
  private readonly wish = el('p', {});
  private readonly form = el(
    'form', { class: 'card keys', hidden: true, submit: (event: SubmitEvent) => this.take(event) },
    this.wish, this.field, el('button', { type: 'submit', class: 'primary' }, 'Use this key'),
  );
  private readonly change = el('button', { type: 'button', class: 'plain', hidden: true, click: () => this.ask('Another key for this tab:') }, 'Key');
  readonly node = el(
    'div', {},
    el('header', { class: 'top' }, el('img', { src: './dashboard/icon.svg', alt: '', width: '28', height: '28' }), el('h1', {}, 'Lorikeet'), this.base, this.about, this.change, this.live),
    this.form,
  );

  constructor(private readonly again: () => void) {}

  show(state: State): void {
    say(this.base, state.base);
    say(this.about, [state.whole ? '' : `tenant ${state.tenant}`, `version ${state.version}`, `up ${duration(state.time)}`].filter(Boolean).join(' · '));
    this.change.hidden = !state.keyed;
    this.say('live', true);
  }

  /** Whether the server answers. */
  say(text: string, good: boolean): void {
    say(this.live, text);
    this.live.classList.toggle('bad', !good);
  }

  /** Shows the field for a key. */
  ask(wish: string): void {
    say(this.wish, wish);
    if (this.form.hidden) {
      this.form.hidden = false;
      this.field.focus();
    }
  }

  private take(event: SubmitEvent): void {
    event.preventDefault();
    key.set(this.field.value.trim());
    this.field.value = '';
    this.form.hidden = true;
    this.again();
  }
}
