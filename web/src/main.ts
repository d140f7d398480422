import { el } from './element';
import { Adapters } from './parts/adapters';
import { Figures } from './parts/figures';
import { Header } from './parts/header';
import { Memory } from './parts/memory';
import { Playground } from './parts/playground';
import { fetchState, key, Refusal } from './server';
import { ratesBetween, type State } from './state';

const every = 1000;

const header = new Header(() => look());
const figures = new Figures();
const memory = new Memory();
const playground = new Playground(() => adapters.draw());
const adapters: Adapters = new Adapters(() => look(), (id) => playground.toggle(id), (id) => playground.has(id));
const content = el('main', { hidden: true }, figures.node, memory.node, adapters.node, playground.node);
document.body.append(header.node, content);

let before: State | null = null;
let timer = 0;
let asking = false;
let again = false;

/** Asks now, or as soon as the answer on its way is there. */
function look(): void {
  clearTimeout(timer);
  if (asking) {
    again = true;
  } else if (!document.hidden) {
    // A tab that nobody sees asks nothing.
    void ask();
  }
}

async function ask(): Promise<void> {
  asking = true;
  again = false;
  const next = await refresh();
  asking = false;
  if (again) {
    look();
  } else if (next > 0) {
    timer = setTimeout(look, next);
  }
}

/** Fetches and shows the state; returns after how many milliseconds to ask again, 0: when somebody says so. */
async function refresh(): Promise<number> {
  try {
    const state = await fetchState(adapters.query);
    const rates = ratesBetween(before, state);
    header.show(state);
    figures.show(state, rates);
    memory.show(state);
    playground.show(state);
    adapters.show(state);
    content.hidden = false;
    content.classList.remove('old');
    before = state;
    return every;
  } catch (error) {
    before = null;
    content.classList.add('old');
    if (error instanceof Refusal && error.status === 401) {
      content.hidden = true;
      header.say('needs a key', false);
      header.ask(key.get() ? 'The server does not take this key. Another:' : 'This server wants a key. It stays in this tab.');
      key.set('');
      return 0;
    }
    header.say(error instanceof Refusal ? error.message : 'no answer; trying again', false);
    return 3 * every;
  }
}

document.addEventListener('visibilitychange', look);
look();
