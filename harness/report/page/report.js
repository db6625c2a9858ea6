// The page: reads the data, draws the sections, and draws them again when the filter or the theme
// changes.

const data = JSON.parse(document.getElementById('data').textContent);
const runs = data.runs;
const METRICS = new Map(data.metrics.map(metric => [metric.name, metric]));
const KINDS = [
  {
    id: 'throughput',
    title: 'Throughput',
    kinds: ['throughput'],
    first: ['throughput_bps'],
    columns: ['throughput_bps', 'retransmits', 'loss_ratio', 'cpu_s_per_gb']
  },
  {
    id: 'latency',
    title: 'Latency',
    kinds: ['latency', 'connect'],
    first: ['rtt_p50_ns', 'rtt_p99_ns'],
    columns:
        ['rtt_p50_ns', 'rtt_p99_ns', 'rtt_max_ns', 'rate_hz', 'lost', 'background_throughput_bps']
  },
];
const MAX_LINES = 8;  // per chart, until the reader shows more
const state = {
  hiddenWorkloads: new Set(),
  hiddenEngines: new Set(),
  choices: {},
  shown: {}
};

function letterOf(run) {
  return run < 26 ? String.fromCharCode(65 + run) : String(run + 1);
}

function titleOf(metric) {
  return METRICS.has(metric) ? METRICS.get(metric).title : metric;
}

// The cases of all runs. `runs[i]` is the case in run i.
const cases = (() => {
  const byName = new Map();
  runs.forEach((run, index) => {
    for (const one of run.cases) {
      if (!byName.has(one.name)) byName.set(one.name, {...one, index: byName.size, runs: []});
      byName.get(one.name).runs[index] = one;
    }
  });
  return [...byName.values()];
})();

// Many runs are drawn over time. Sections of single trials then show the newest run.
const isMany = data.is_many;
const isDetailed = run => !isMany || run === runs.length - 1;
// Returns what `of` returns for each run that is shown in detail.
const detailedRuns = of => runs.flatMap((run, index) => isDetailed(index) ? of(run, index) : []);

const valueOn = (one, axis) => (one.axes.find(([name]) => name === axis) || [axis, ''])[1];

// Returns the axes on which some of the cases differ.
function varyingAxes(list) {
  const axes = [...new Set(list.flatMap(one => one.axes.map(([name]) => name)))];
  return axes.filter(axis => new Set(list.map(one => valueOn(one, axis))).size > 1);
}

// Returns the name of a case among others: only the axes on which they differ.
function nameAmong(one, axes) {
  const own = one.axes.filter(([name]) => axes.includes(name));
  return shortName(own.length ? {...one, axes: own} : one);
}

// A colour means the same in every chart: an engine, or if there is only one, the value on the first
// axis with several.
const colourKey = (() => {
  const [axis] = new Set(cases.map(one => one.engine)).size > 1 ? [] : varyingAxes(cases);
  return one => axis ? valueOn(one, axis) : one.engine;
})();
const colourKeys = [...new Set(cases.map(colourKey))];
const colourOf = one => colour(colourKeys.indexOf(colourKey(one)));

const key = (run, name, metric) => `${run}\n${name}\n${metric}`;
const summary = new Map(
    runs.flatMap((run, index) => run.summary.map(row => [key(index, row.case, row.metric), row])));

function isVisible(one) {
  return !state.hiddenWorkloads.has(one.workload) && !state.hiddenEngines.has(one.engine);
}

function isVisibleName(name) {
  const one = cases.find(c => c.name === name);
  return !one || isVisible(one);
}

const workloadsOf = list => [...new Set(list.map(c => c.workload))];

let charts = [];

// Returns a card with a chart. The chart is drawn when the card is in the page and its width is
// known; height and configure are functions of the width. Tests and scripts find the chart by `name`.
function chartCard(name, title, label, height, configure) {
  const canvas = el('canvas', {role: 'img', 'aria-label': label, 'data-chart': name});
  charts.push({canvas, height, configure});
  return el(
      'figure', {class: 'card'}, title ? el('h3', {}, title) : null,
      el('div', {class: 'canvas'}, canvas));
}

function drawCharts() {
  const sized =
      charts.splice(0).map(chart => ({...chart, width: chart.canvas.parentElement.clientWidth}));
  for (const {canvas, height, width} of sized)
    canvas.parentElement.style.height = `${height(width)}px`;
  for (const {canvas, configure, width} of sized) new Chart(canvas, configure(width));
}

// Returns the height of a chart with one row per case, enough for the labels.
function rowsHeight(labels, least) {
  return 62 +
      labels.length * Math.max(least, 16 + 15 * Math.max(...labels.map(label => label.length)));
}

// Returns cards in as many columns as fit.
function columns(cards) {
  const some = cards.filter(Boolean);
  return el('div', {class: some.length > 1 ? 'cards columns' : 'cards'}, some);
}

function selectOf(label, options, chosen, onchange) {
  return el(
      'label', {}, `${label} `,
      el('select', {onchange: event => onchange(event.target.value)},
         options.map(([value, text]) => el('option', {value, selected: value === chosen}, text))));
}

// Returns the reader's choice among `options` under this name, or the first option.
function choice(name, options) {
  return options.includes(state.choices[name]) ? state.choices[name] : options[0];
}

function choose(name) {
  return value => {
    state.choices[name] = value;
    render();
  };
}

function section(id, title, controls, ...children) {
  return el(
      'section', {id, 'aria-labelledby': `${id}-title`},
      el('div', {class: 'title'}, el('h2', {id: `${id}-title`}, title),
         controls.length ? el('div', {class: 'controls'}, controls) : null),
      children);
}

const MARK_TEXT = {
  up: '▲',
  down: '▼',
  good: '✓',
  bad: '✗',
  open: '◆',
  plain: '·'
};

function timeText(iso) {
  return iso ? iso.replace('T', ' ').replace(/\.\d+Z$/, ' UTC').replace(/:\d\d UTC$/, ' UTC') : '';
}

// Returns what the page leaves out. A note of several runs is one line.
function notesOfRuns() {
  const runsOf = new Map();
  runs.forEach((run, index) => {
    for (const note of run.notes) runsOf.set(note, [...runsOf.get(note) || [], letterOf(index)]);
  });
  const named = letters => letters.length > 5 ? `${letters.length} runs` : letters.join(', ');
  return [...runsOf].map(
      ([note, letters]) => letters.length === runs.length ? note : `${named(letters)}: ${note}`);
}

function fillHeader() {
  const names = [...new Set(runs.map(run => run.experiment))].join(', ');
  const questions = [...new Set(runs.map(run => run.description).filter(Boolean))];
  document.title = `${names}: pingperf report`;
  document.getElementById('kicker').textContent = runs.length > 1 ?
      `${names} · ${runs.length} runs` :
      `${names} · ${timeText(runs[0].started)}`;
  document.getElementById('question').textContent = questions.length === 1 ? questions[0] : names;
  const statements = runs.length > 1 ?
      [
        ...data.headline,
        ...detailedRuns(
            (run, index) => run.headline.filter(s => s.mark === 'bad')
                                .map(s => ({...s, text: `${letterOf(index)}: ${s.text}`})))
      ] :
      runs[0].headline;
  document.getElementById('answers').append(...statements.map(
      s =>
          el('li', {class: s.mark},
             el('span', {class: 'mark', 'aria-hidden': 'true'}, MARK_TEXT[s.mark]),
             el('span', {}, s.text, s.detail ? el('small', {}, s.detail) : null))));
  const lines = runs.map(
      (run, index) =>
          el('li', {},
             `${
                 runs.length > 1 ?
                     `${letterOf(index)}: ${run.experiment}, ${timeText(run.started)}, ` :
                     ''}${run.trials} trials, run ${run.name}`));
  document.getElementById('runs').append(
      ...isMany ? [el('li', {}, details(`The ${runs.length} runs`, () => el('ul', {class: 'runs'}, lines)))] :
                  lines);
  const notes = notesOfRuns();
  document.getElementById('footer').append(
      ...notes.length ?
          [
            el('p', {}, 'What this page leaves out:'),
            el('ul', {id: 'notes'}, notes.map(note => el('li', {}, note)))
          ] :
          [],
      el('p', {},
         `Made by ${data.generator} from trials.csv, intervals.csv and histograms/ of the run, ` +
             'which have every figure.'));
}

function fillFilter() {
  const filter = document.getElementById('filter');
  const group = (title, names, hidden) => names.length < 2 ?
      null :
      el('fieldset', {}, el('legend', {}, title),
         names.map(
             name =>
                 el('label', {class: 'chip'}, el('input', {
                      type: 'checkbox',
                      checked: !hidden.has(name),
                      onchange: event => {
                        if (event.target.checked)
                          hidden.delete(name);
                        else
                          hidden.add(name);
                        render();
                      },
                    }),
                    name)));
  const groups = [
    group('Workloads', workloadsOf(cases), state.hiddenWorkloads),
    group('Engines', [...new Set(cases.map(c => c.engine))], state.hiddenEngines)
  ].filter(Boolean);
  filter.replaceChildren(...groups);
  filter.hidden = groups.length === 0;
  filter.addEventListener('submit', event => event.preventDefault());
}

function render() {
  const opened = new Set(
      [...document.querySelectorAll('#report details[open]')].map(d => d.closest('section').id));
  for (const canvas of document.querySelectorAll('#report canvas'))
    Chart.getChart(canvas)?.destroy();
  charts = [];
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  const at = window.scrollY;
  document.getElementById('report').replaceChildren(
      ...[gatesSection(),
          changesSection(),
          linksSection(),
          figuresSection(KINDS[0]),
          figuresSection(KINDS[1]),
          roundTripsSection(),
          searchesSection(),
          comparisonsSection(),
          sweepsSection(),
          timeSection(),
          trialsSection('failed', 'failed', 'Failed trials', 'Left out of every figure'),
          trialsSection(
              'warnings', 'warnings', 'Trials with warnings',
              'Their figures count'),
          allFigures(),
          surroundingsSection(),
          experimentSection(),
  ].filter(Boolean));
  for (const id of opened)
    for (const one of document.querySelectorAll(`#${id} details`)) one.open = true;
  drawCharts();
  window.scrollTo(0, at);
}

// The theme of the system, or the reader's choice. Some browsers store no choice for a local file.
const systemIsDark = window.matchMedia('(prefers-color-scheme: dark)');

function keptTheme(value) {
  try {
    if (value !== undefined) localStorage.setItem('pingperf-theme', value);
    return localStorage.getItem('pingperf-theme');
  } catch {
    return null;
  }
}

function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.getElementById('theme').textContent = theme === 'dark' ? '☀ Light' : '☾ Dark';
}

const systemTheme = () => systemIsDark.matches ? 'dark' : 'light';

document.getElementById('theme').addEventListener('click', () => {
  const theme = isDark() ? 'light' : 'dark';
  keptTheme(theme);
  applyTheme(theme);
  render();
});
systemIsDark.addEventListener('change', () => {
  if (keptTheme()) return;
  applyTheme(systemTheme());
  render();
});

applyTheme(keptTheme() || systemTheme());
fillHeader();
fillFilter();
render();
