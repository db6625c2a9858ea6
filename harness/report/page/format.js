// Numbers for people: the same scales and digits as the terminal's tables (harness/base/units.cpp).
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

// Returns the scales of a column, by the end of its name.
function scalesOf(column) {
  if (column.endsWith('loss_ratio') || column.endsWith('load_ratio') || column === 'steal_ratio')
    return SCALES.share;
  for (const unit of ['bps', 'ns', 'bytes', 'hz', 'us', 's_per_gb', 's'])
    if (column.endsWith('_' + unit)) return SCALES[unit];
  return SCALES.plain;
}

// Returns the largest unit in which the number is at least 1.
function scaleFor(column, value) {
  const scales = scalesOf(column);
  let best = scales[0];
  for (const scale of scales)
    if (Math.abs(value) >= scale[1]) best = scale;
  return best;
}

// Returns three significant digits without trailing zeros.
function digits(value) {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 1e6) return value.toExponential(2).replace('e+', 'e');
  if (size >= 1e3 && Number.isInteger(value))
    return value.toLocaleString('en-US').replaceAll(',', '\u202f');
  if (size >= 99.95) return value.toFixed(0);
  if (size < 0.0995) return String(Number(value.toPrecision(2)));
  return String(Number(value.toFixed(size >= 9.995 ? 1 : size >= 0.995 ? 2 : 3)));
}

// Returns three significant digits with trailing zeros, or a whole number unchanged.
function figure(value) {
  const size = Math.abs(value);
  if (Number.isInteger(value) || size < 0.0995 || size >= 1e6) return digits(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.995 ? 2 : 3);
}

// "23.7 Gbit/s"
function human(column, value, figureOf = figure) {
  if (value === null || value === undefined) return '–';
  const [unit, factor] = scaleFor(column, value);
  const text = scalesOf(column) === SCALES.plain ? digits(value) :
                                                   figureOf(value / factor);  // half a segment: 0.5
  return (text + (unit ? ' ' : '') + unit).trim();
}

// Returns the text of a tick on an axis: "10 µs", "1 ms".
function tick(column, value) {
  return human(column, value, digits);
}

// "18.8 to 54.1 Gbit/s"
function humanRange(column, low, high) {
  if (low === null || low === undefined) return '';
  const [unit, factor] = scaleFor(column, high);
  const isShort = scaleFor(column, low)[0] === unit || low === 0;
  return `${isShort ? figure(low / factor) : human(column, low)} to ${human(column, high)}`;
}

// A ratio: "0.97", "28.3"
function ratioText(ratio) {
  if (ratio === null || ratio === undefined) return '–';
  if (ratio > 0 && ratio < 0.0995) return ratio.toPrecision(2);
  return ratio.toFixed(ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0);
}

// Returns the title "round trip p99 (µs)", the divisor of the values, and the step between ticks if
// a decimal step would not be round.
function axisOf(column, title, largest) {
  const [unit, factor] = scaleFor(column, largest);
  const about = largest / factor / 5;
  const step = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500].find(s => s >= about);
  const isSaid = !unit || (unit === '/s' && title.endsWith('second'));
  return {
    title: isSaid ? title : `${title} (${unit})`,
    factor,
    step: scalesOf(column) === SCALES.bytes && step ? step * factor : undefined
  };
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
  const words = c.axes.map(
      ([key, value]) => key === 'engine' || key === 'transport' ? value : `${key} ${value}`);
  return words.length ? words.join(', ') : c.name;
}

function sentence(text) {
  return text ? text[0].toUpperCase() + text.slice(1) + '.' : '';
}

// Returns lines of at most `width` characters, broken after '/', ',' or a blank.
function wrap(text, width) {
  const lines = [''];
  for (const word of text.match(/[^\/, ]*[\/, ]*/g)) {
    if (lines.at(-1) && (lines.at(-1) + word).trimEnd().length > width) lines.push('');
    lines[lines.length - 1] += word;
  }
  return lines.map(line => line.trim())
      .filter(line => line)
      .map(line => line.length > width ? line.slice(0, width - 1) + '…' : line);
}
