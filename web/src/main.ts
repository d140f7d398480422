import { el } from './element';
import { Adapters } from './parts/adapters';
import { Figures } from './parts/figures';
import { Header } from './parts/header';
import { Memory } from './parts/memory';
import { Playground } from './parts/playground';
import { fetchState, key, Refusal } from './server';
import { ratesBetween, type State } from './state';

const every = 1000;

const header = new Header(() => (wait(0), undefined));
const figures = new Figures();
const memory = new Memory();
const playground = new Playground(() => adapters.draw());
const adapters: Adapters = new Adapters((id) => playground.toggle(id), (id) => playground.has(id));
const content = el('main', { hidden: true }, figures.node, memory.node, adapters.node, playground.node);
document.body.append(header.node, content);

let before: State | null = null;
let timer = 0;
let asking = false;

function wait(ms: number): void {
  clearTimeout(timer);
  timer = setTimeout(() => void look(), ms);
}

async function look(): Promise<void> {
  // A tab that nobody sees asks nothing.
  if (document.hidden || asking) {
    return;
  }
  asking = true;
  let next = every;
  try {
    const state = await fetchState();
    const rates = ratesBetween(before, state);
    header.show(state);
    figures.show(state, rates);
    memory.show(state);
    playground.show(state);
    adapters.show(state, rates);
    content.hidden = false;
    before = state;
  } catch (error) {
    before = null;
    if (error instanceof Refusal && error.status === 401) {
      header.say('needs a key', false);
      header.ask(key.get() ? 'The server does not take this key. Another:' : 'This server wants a key. It stays in this tab.');
      key.set('');
      next = 0;
    } else {
      header.say(error instanceof Refusal ? error.message : 'no answer; trying again', false);
      next = 3 * every;
    }
  } finally {
    asking = false;
  }
  if (next > 0) {
    wait(next);
  }
}

document.addEventListener('visibilitychange', () => wait(0));
void look();
