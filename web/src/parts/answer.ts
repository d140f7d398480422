import { el, say } from '../element';
import { count, rate, seconds } from '../format';
import { Refusal, stream, type Ask } from '../server';

/** One column of the playground: an adapter's answer as it comes. */
export class Answer {
  private readonly text = el('div', { class: 'text', tabindex: '0', role: 'region' });
  private readonly status = el('p', { class: 'status', role: 'status' }, 'ready');
  readonly node: HTMLElement;

  constructor(readonly id: string, remove: (id: string) => void) {
    this.text.setAttribute('aria-label', `Answer of ${id}`);
    const out = el('button', { type: 'button', class: 'plain', 'aria-label': `Take ${id} out`, title: 'Take out', click: () => remove(id) }, '×');
    this.node = el('article', { class: 'answer', 'data-adapter': id }, el('header', {}, el('h3', { title: id }, id), out), this.text, this.status);
  }

  /** Streams an answer into the column; says itself what went wrong. */
  async run(ask: Omit<Ask, 'model'>, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    let first = 0;
    let last = 0;
    let tokens = 0;
    let pieces = 0;
    let finish = '';
    this.node.className = 'answer streaming';
    this.text.replaceChildren();
    say(this.status, 'waiting');
    // Of the whole time: tokens may arrive in bursts, between which there is no speed to speak of.
    const figures = (): string => `${count(tokens)} tokens · ${rate((1000 * tokens) / (last - began))} tokens/s · first ${seconds((first - began) / 1000)}`;
    let due = 0;
    try {
      for await (const piece of stream({ ...ask, model: this.id }, signal)) {
        pieces += piece.text ? 1 : 0;
        finish = piece.finish ?? finish;
        const before = tokens;
        tokens = piece.tokens ?? Math.max(tokens, pieces);
        if (tokens > before) {
          last = performance.now();
          first ||= last;
        }
        if (piece.text) {
          this.append(piece.text);
        }
        if (first && last > due) {
          due = last + 150;
          say(this.status, figures());
        }
      }
      this.end('done', first ? `${figures()}${finish === 'length' ? ' · cut' : ''}` : 'no tokens');
    } catch (error) {
      if (signal.aborted) {
        this.end('stopped', first ? `${figures()} · stopped` : 'stopped');
      } else {
        this.end('failed', error instanceof Refusal ? error.message : 'the connection broke');
      }
    }
  }

  // Follows the text unless the reader scrolled up.
  private append(text: string): void {
    const box = this.text;
    const follows = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    box.append(text);
    if (follows) {
      box.scrollTop = box.scrollHeight;
    }
  }

  private end(how: 'done' | 'stopped' | 'failed', status: string): void {
    this.node.className = `answer ${how}`;
    this.text.normalize();
    say(this.status, status);
  }
}
