// Numbers for people: the same scales and digits as the terminal's tables (harness/units.cpp).
'use strict';

const SCALES = {
  bps: [['bit/s', 1], ['kbit/s', 1e3], ['Mbit/s', 1e6], ['Gbit/s', 1e9], ['Tbit/s', 1e12]],
  ns: [['ns', 1], ['µs', 1e3], ['ms', 1e6], ['s', 1e9]],
  bytes: [['B', 1], ['KiB', 1024], ['MiB', 1048576], ['GiB', 1073741824]],
  hz: [['/s', 1], ['k/s', 1e3], ['M/s', 1e6]],
  us: [['µs', 1], ['ms', 1e3], ['s', 1e6]],
  s: [['s', 1]],
  s_per_gb: [['s/GB', 1]],
  share: [['%', 0.01]],
  plain: [['', 1]],
};

// Of a column, by the end of its name.
function scalesOf(column) {
  if (column.endsWith('loss_ratio') || column.endsWith('load_ratio') || column === 'steal_ratio')
    return SCALES.share;
  for (const unit of ['bps', 'ns', 'bytes', 'hz', 'us', 's_per_gb', 's'])
    if (column.endsWith('_' + unit)) return SCALES[unit];
  return SCALES.plain;
}

// The largest unit that leaves a number of at least one.
function scaleFor(column, value) {
  const scales = scalesOf(column);
  let best = scales[0];
  for (const scale of scales) if (Math.abs(value) >= scale[1]) best = scale;
  return best;
}

// Three significant digits, no more than the number has.
function digits(value) {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 1e6) return value.toExponential(2).replace('e+', 'e');
  if (size >= 99.95) return value.toFixed(0);
  if (size < 0.0995) return String(Number(value.toPrecision(2)));
  return String(Number(value.toFixed(size >= 9.995 ? 1 : size >= 0.995 ? 2 : 3)));
}

// "23.7 Gbit/s"
function human(column, value) {
  if (value === null || value === undefined) return '–';
  const [unit, factor] = scaleFor(column, value);
  if (factor === 1 && !unit && Math.abs(value) >= 1e3 && Number.isInteger(value))
    return value.toLocaleString('en-US').replaceAll(',', ' ');
  const space = unit.startsWith('/') ? '\u202f' : unit ? ' ' : '';
  return (digits(value / factor) + space + unit).trim();
}

// A ratio: "0.97", "28.3"
function ratioText(ratio) {
  if (ratio === null || ratio === undefined) return '–';
  return ratio.toFixed(ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0);
}

// "round trip p99 (µs)", and what divides the values.
function axisOf(column, title, largest) {
  const [unit, factor] = scaleFor(column, largest);
  const shown = unit.startsWith('/') ? (unit === '/s' ? '' : unit.slice(0, 1) === '/' ? unit : '') : unit;
  return {title: shown ? `${title} (${shown})` : title, factor};
}

function percentText(level) {
  const text = (100 * level).toFixed(6);
  return text.replace(/\.?0+$/, '') + ' %';
}

function median(values) {
  const sorted = values.filter(v => v !== null && v !== undefined).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// "tcp/engine=iperf3/message_size=128KiB" without its workload: "iperf3, message_size 128KiB".
function shortName(c) {
  const words = c.axes.map(([key, value]) => key === 'engine' || key === 'transport' ? value : `${key} ${value}`);
  return words.length ? words.join(', ') : c.name;
}

// Lines of at most `width` characters, broken after '/', ',' or a blank.
function wrap(text, width) {
  const lines = [''];
  for (const word of text.match(/[^\/, ]*[\/, ]*/g)) {
    if (lines.at(-1) && (lines.at(-1) + word).trimEnd().length > width) lines.push('');
    lines[lines.length - 1] += word;
  }
  return lines.map(line => line.trim()).filter(line => line).map(
      line => line.length > width ? line.slice(0, width - 1) + '…' : line);
}
