const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 12,345; 1.23 M from a million on. */
export function count(value: number): string {
  return value >= 1e9 ? `${(value / 1e9).toFixed(2)} G` : value >= 1e6 ? `${(value / 1e6).toFixed(2)} M` : whole.format(value);
}

/** Tokens a second: one digit after the point while small. */
export function rate(value: number): string {
  return value > 0 && value < 99.95 ? value.toFixed(1) : count(Math.round(value));
}

/** 340 B, 3.4 MiB. */
export function bytes(value: number): string {
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/** 40 µs, 0.4 ms, 34 ms, 1.2 s. */
export function seconds(value: number): string {
  const ms = value * 1000;
  return ms < 0.0995 ? `${(1000 * ms).toFixed(0)} µs` : ms < 9.95 ? `${ms.toFixed(1)} ms` : ms < 999.5 ? `${ms.toFixed(0)} ms` : value < 99.5 ? `${value.toFixed(1)} s` : `${value.toFixed(0)} s`;
}
