import { el } from '../element';

const length = 120;
const height = 40;

/** The last two minutes of a figure, one value a second, as a line from zero to its highest. */
export class Sparkline {
  private readonly values: number[] = [];
  private readonly area = el('path', { class: 'spark-area' });
  private readonly line = el('path', { class: 'spark-line', 'vector-effect': 'non-scaling-stroke' });
  private readonly title = el('title');
  readonly node = el('svg', { class: 'spark', role: 'img', viewBox: `0 0 ${length - 1} ${height}`, preserveAspectRatio: 'none' }, this.title, this.area, this.line);

  constructor(private readonly name: string, private readonly format: (value: number) => string) {}

  /** Adds a value; returns the highest that is shown. */
  add(value: number): number {
    this.values.push(value);
    if (this.values.length > length) {
      this.values.shift();
    }
    const most = Math.max(...this.values);
    const scale = most > 0 ? (height - 3) / most : 0;
    const from = length - this.values.length;
    const points = this.values.map((v, i) => `${from + i} ${(height - 1 - v * scale).toFixed(1)}`).join('L');
    this.line.setAttribute('d', `M${points}`);
    this.area.setAttribute('d', `M${from} ${height}L${points}L${length - 1} ${height}Z`);
    this.title.textContent = `${this.name}, last ${Math.min(this.values.length, length)} seconds: now ${this.format(value)}, highest ${this.format(most)}`;
    return most;
  }
}
