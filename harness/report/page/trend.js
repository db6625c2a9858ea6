// The page of a trend: a chart per case and metric, with the level between changes and its interval,
// the changes with the labels of their runs, and the changes of the environment.
'use strict';

const data = JSON.parse(document.getElementById('data').textContent);
const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = innerWidth < 560 ? 360 : 560;  // so that the text keeps its size
const HEIGHT = 190, LEFT = 74, RIGHT = 10, TOP = 10, BOTTOM = 24;

function element(name, attributes = {}, text) {
  const made = name in {svg: 0, path: 0, line: 0, rect: 0, circle: 0, text: 0, title: 0} ?
      document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function labelsOf(run) {
  return Object.entries(run.labels).map(([key, value]) => `${key}=${value}`).join(' ');
}

// Returns the day of a run, with the time if all runs are of one day.
function startText(run) {
  const day = run.started_at.slice(0, 10);
  const isOneDay = [data.runs[0], data.runs.at(-1)].every(other => other.started_at.startsWith(day));
  return isOneDay ? `${day} ${run.started_at.slice(11, 16)}` : day;
}

function runText(run) {
  return `${startText(run)} ${labelsOf(run) || run.run}`;
}

function valueText(series, value) {
  return series.reference ? figure(value) : human(series.metric, value);
}

function sizeText(series, size) {
  if (!series.is_difference) return '× ' + size.toPrecision(3);
  return (size < 0 ? '' : '+') + valueText(series, size);
}

function changeClass(series, change) {
  if (change.environment.length || !series.has_direction) return '';
  return change.is_worse ? 'bad' : 'good';
}

// Returns the levels of a series: {first, end, median, ci_low, ci_high}.
function levelsOf(series) {
  const levels = [{first: series.first_begin, ...series.first_level}];
  for (const change of series.changes) levels.push({first: change.first, ...change.after});
  levels.forEach((level, i) => level.end = levels[i + 1]?.first ?? series.values.length);
  return levels;
}

function scales(series) {
  const low = Math.min(...series.values), high = Math.max(...series.values);
  const margin = (high - low) * 0.08 || Math.abs(high) * 0.05 || 1;
  const all = data.runs.length;
  return {
    low, high,
    x: run => LEFT + (WIDTH - LEFT - RIGHT) * (all > 1 ? run / (all - 1) : 0.5),
    y: value => TOP + (HEIGHT - TOP - BOTTOM) * (high + margin - value) / (high - low + 2 * margin),
  };
}

function drawAxes(svg, series, {low, high, x, y}) {
  for (const value of new Set([low, high])) {
    svg.append(element('line', {class: 'axis', x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value)}));
    svg.append(element('text', {x: LEFT - 6, y: y(value) + 4, 'text-anchor': 'end'}, valueText(series, value)));
  }
  const last = data.runs.length - 1;
  for (const [run, anchor] of [[0, 'start'], [last, 'end']])
    svg.append(element('text', {x: x(run), y: HEIGHT - 6, 'text-anchor': anchor},
                       startText(data.runs[run])));
}

function titled(made, text) {
  made.append(element('title', {}, text));
  return made;
}

function drawEnvironment(svg, {x}) {
  for (const {run, facts} of data.environment)
    svg.append(titled(element('line', {class: 'environment', x1: x(run), x2: x(run), y1: TOP, y2: HEIGHT - BOTTOM}),
                      `${runText(data.runs[run])}: ${facts.join('; ')}`));
}

function drawLevels(svg, series, {x, y}) {
  for (const level of levelsOf(series)) {
    const left = x(series.runs[level.first]), right = x(series.runs[level.end - 1]);
    if (level.ci_low !== null)
      svg.append(element('rect', {class: 'interval', x: left, width: Math.max(right - left, 2), y: y(level.ci_high),
                                  height: Math.max(y(level.ci_low) - y(level.ci_high), 1)}));
    svg.append(titled(element('line', {class: 'level', x1: left, x2: right + 2, y1: y(level.median), y2: y(level.median)}),
                      `median of ${level.runs} runs: ${valueText(series, level.median)}`));
  }
}

function drawRuns(svg, series, {x, y}) {
  const places = series.values.map((value, i) => `${x(series.runs[i])},${y(value)}`);
  svg.append(element('path', {class: 'series', d: 'M' + places.join('L')}));
  series.values.forEach((value, i) => {
    const run = data.runs[series.runs[i]];
    svg.append(titled(element('circle', {class: 'run', cx: x(series.runs[i]), cy: y(value), r: 2}),
                      `${runText(run)}: ${valueText(series, value)}`));
  });
}

function drawChanges(svg, series, {x}) {
  for (const change of series.changes) {
    const at = (x(series.runs[change.first]) + x(series.runs[change.first - 1])) / 2;
    svg.append(titled(element('line', {class: `change ${changeClass(series, change)}`, x1: at, x2: at, y1: TOP,
                                       y2: HEIGHT - BOTTOM}),
                      `${sizeText(series, change.size)} since ${runText(change.first_after)}`));
  }
}

// Returns a link to the report of a run. It works where the run's directory still exists.
function runLink(side) {
  const {directory} = data.runs.find(run => run.id === side.id);
  if (!directory) return document.createTextNode(runText(side));
  return element('a', {href: `file://${encodeURI(directory)}/report.html`}, runText(side));
}

function changeItem(series, change) {
  const item = element('li');
  const interval = change.ci_low === null ? '' :
      ` (${sizeText(series, change.ci_low)} to ${sizeText(series, change.ci_high)})`;
  item.append(element('span', {class: `verdict ${changeClass(series, change)}`}, sizeText(series, change.size)),
              `${interval}, q ${change.q_value.toPrecision(2)}: last before `, runLink(change.last_before),
              ', first after ', runLink(change.first_after));
  if (change.environment.length)
    item.append(element('br'), `the environment changed too: ${change.environment.join('; ')}`);
  return item;
}

function card(series) {
  const made = element('section', {class: 'card'});
  const title = element('h3', {}, `${series.case} `);
  title.append(element('small', {}, `${series.title}${series.reference ? ` / ${series.reference}` : ''} · ${series.experiment}`));
  const svg = element('svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img',
                              'aria-label': `${series.case}, ${series.values.length} runs, ${series.changes.length} changes`});
  const scale = scales(series);
  drawAxes(svg, series, scale);
  drawEnvironment(svg, scale);
  drawLevels(svg, series, scale);
  drawRuns(svg, series, scale);
  drawChanges(svg, series, scale);
  const list = element('ul');
  for (const change of series.changes) list.append(changeItem(series, change));
  if (series.unjudged) list.append(element('li', {}, `not judged: ${series.unjudged}`));
  made.append(title, svg, list);
  return made;
}

function draw() {
  const text = document.getElementById('case').value, metric = document.getElementById('metric').value;
  const changed = document.getElementById('changed').checked;
  const shown = data.series.filter(series => series.case.includes(text) &&
      (!metric || series.metric === metric) && (!changed || series.changes.length));
  document.getElementById('trend').replaceChildren(...shown.map(card));
}

function drawHead() {
  const first = data.runs[0], last = data.runs.at(-1);
  document.getElementById('kicker').textContent = `pingperf trend · ${last.machine}`;
  document.getElementById('question').textContent =
      `${data.runs.length} runs from ${startText(first)} to ${startText(last)}`;
  const changes = data.series.flatMap(series => series.changes.map(change => [series, change]));
  const answers = document.getElementById('answers');
  const add = (kind, text) => {
    const item = element('li', {class: kind || 'open'});
    item.append(element('span', {class: 'mark'}, {bad: '▼', good: '▲', plain: '='}[kind] ?? '●'),
                element('span', {}, text));
    answers.append(item);
  };
  for (const [series, change] of changes.slice(0, 10))
    add(changeClass(series, change),
        `${series.case}, ${series.title}: ${sizeText(series, change.size)} since ${runText(change.first_after)}`);
  if (changes.length > 10) add('open', `${changes.length - 10} more changes below`);
  if (!changes.length) add('plain', `No change in ${data.series.length} series.`);
  for (const {run, facts} of data.environment.slice(-5))
    add('open', `Environment since ${runText(data.runs[run])}: ${facts.join('; ')}`);
  const metrics = new Map(data.series.map(series => [series.metric, series.title]));
  const choice = document.getElementById('metric');
  choice.append(element('option', {value: ''}, 'all metrics'));
  for (const [metric, title] of metrics) choice.append(element('option', {value: metric}, title));
  document.getElementById('footer').textContent =
      `${data.generator}. Dots are the medians of runs. Blue lines are the levels between changes with their 95 % intervals, ` +
      'dashed lines are changes, and grey bands are changes of the environment.';
}

function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.getElementById('theme').textContent = theme === 'dark' ? '☀ Light' : '☾ Dark';
}

const dark = matchMedia('(prefers-color-scheme: dark)');
applyTheme(dark.matches ? 'dark' : 'light');
dark.addEventListener('change', () => applyTheme(dark.matches ? 'dark' : 'light'));
document.getElementById('theme').addEventListener('click', () =>
  applyTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'));
document.getElementById('filter').addEventListener('input', draw);
document.getElementById('filter').addEventListener('submit', event => event.preventDefault());
drawHead();
draw();
