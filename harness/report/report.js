// The page: reads the data, draws the sections, and draws them again when the filter or the theme changes.

const data = JSON.parse(document.getElementById('data').textContent);
const runs = data.runs;
const METRICS = new Map(data.metrics.map(metric => [metric.name, metric]));
const KINDS = [
  {id: 'throughput', title: 'Throughput', kinds: ['throughput'], first: ['throughput_bps'],
   columns: ['throughput_bps', 'retransmits', 'loss_ratio', 'cpu_s_per_gb']},
  {id: 'latency', title: 'Latency', kinds: ['latency', 'connect'], first: ['rtt_p50_ns', 'rtt_p99_ns'],
   columns: ['rtt_p50_ns', 'rtt_p99_ns', 'rtt_max_ns', 'rate_hz', 'lost', 'background_throughput_bps']},
];
const MOST_LINES = 8;  // that are shown unless someone asks for more
const state = {hiddenWorkloads: new Set(), hiddenEngines: new Set(), choices: {}, shown: {}};

function letterOf(run) {
  return run < 26 ? String.fromCharCode(65 + run) : String(run + 1);
}

function titleOf(metric) {
  return METRICS.has(metric) ? METRICS.get(metric).title : metric;
}

// The cases of all runs: what they are, and `runs[i]` as run i has it.
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

const key = (run, name, metric) => `${run}\n${name}\n${metric}`;
const summary = new Map(runs.flatMap((run, index) => run.summary.map(
    row => [key(index, row.case, row.metric), row])));
const baselines = new Set(runs.flatMap(run => run.comparisons.map(row => row.baseline)));

function isVisible(one) {
  return !state.hiddenWorkloads.has(one.workload) && !state.hiddenEngines.has(one.engine);
}

function isVisibleName(name) {
  const one = cases.find(c => c.name === name);
  return !one || isVisible(one);
}

const workloadsOf = list => [...new Set(list.map(c => c.workload))];

// --- Charts -------------------------------------------------------------------------------------------------------

let charts = [];

// A card with a chart, drawn once it is in the page and its width is known: height and configure are functions of it.
// `name` says to tests and to people's scripts what it shows.
function chartCard(name, title, label, height, configure) {
  const canvas = el('canvas', {role: 'img', 'aria-label': label, 'data-chart': name});
  charts.push({canvas, height, configure});
  return el('figure', {class: 'card'}, title ? el('h3', {}, title) : null, el('div', {class: 'canvas'}, canvas));
}

function drawCharts() {
  const sized = charts.splice(0).map(chart => ({...chart, width: chart.canvas.parentElement.clientWidth}));
  for (const {canvas, height, width} of sized) canvas.parentElement.style.height = `${height(width)}px`;
  for (const {canvas, configure, width} of sized) new Chart(canvas, configure(width));
}

// Of a chart with a row a case: high enough for the labels.
function rowsHeight(labels, least) {
  return 62 + labels.length * Math.max(least, 16 + 15 * Math.max(...labels.map(label => label.length)));
}

// Cards one below the other in as many columns as fit.
function columns(cards) {
  const some = cards.filter(Boolean);
  return el('div', {class: some.length > 1 ? 'cards columns' : 'cards'}, some);
}

function selectOf(label, options, chosen, onchange) {
  return el('label', {}, `${label} `, el('select', {onchange: event => onchange(event.target.value)},
      options.map(([value, text]) => el('option', {value, selected: value === chosen}, text))));
}

// The choice that was made of `options` under this name, or the first one.
function choice(name, options) {
  return options.includes(state.choices[name]) ? state.choices[name] : options[0];
}

function choose(name) {
  return value => { state.choices[name] = value; render(); };
}

function section(id, title, controls, ...children) {
  return el('section', {id, 'aria-labelledby': `${id}-title`},
            el('div', {class: 'title'}, el('h2', {id: `${id}-title`}, title),
               controls.length ? el('div', {class: 'controls'}, controls) : null), children);
}

// --- Figures: bars, or the distribution of the trials ---------------------------------------------------------------

// The metrics that one of the cases has, the first ones of their kind first.
function metricsOf(list, first = []) {
  const has = metric => list.some(c => runs.some((_, run) => summary.has(key(run, c.name, metric))));
  const all = [...first, ...data.metrics.map(metric => metric.name)];
  return [...new Set(all)].filter(metric => METRICS.has(metric) && has(metric));
}

function barRow(one, metric, width) {
  const cells = runs.map((_, run) => {
    const row = summary.get(key(run, one.name, metric)), values = one.runs[run];
    if (!row) return null;
    const dots = (values.values[metric] || []).map((value, i) => [values.blocks[i], value]).filter(([, v]) => v !== null);
    return {...row, dots, isBaseline: baselines.has(one.name)};
  });
  const figures = cells.map((cell, run) => cell && (runs.length > 1 ? `${letterOf(run)} ` : '') + human(metric, cell.median));
  return {label: [...wrap(shortName(one), width), ...figures.filter(Boolean)], cells};
}

function barCards(kind, list, metric) {
  return workloadsOf(list).map(workload => {
    const own = list.filter(c => c.workload === workload && runs.some((_, run) => summary.has(key(run, c.name, metric))));
    if (own.length === 0) return null;
    const rows = width => own.map(c => barRow(c, metric, width < 420 ? 19 : 28));
    const label = `${titleOf(metric)} of ${workload}: ` + own.map(c => barRow(c, metric, 99).label.join(' ')).join('; ');
    return chartCard(`bars:${workload}:${metric}`, workload, label,
                     width => rowsHeight(rows(width).map(row => row.label), 18 + 20 * runs.length),
                     width => barChart(metric, titleOf(metric), rows(width), runs.length));
  });
}

function stepsOf(values) {
  const sorted = values.filter(v => v !== null).sort((a, b) => a - b);
  return [[sorted[0], 0], ...sorted.map((value, i) => [value, 100 * (i + 1) / sorted.length])];
}

function shareScale(title) {
  return scale(title, {type: 'linear', min: 0, max: 100, ticks: {callback: value => `${value} %`, maxTicksLimit: 6}});
}

function distributionCards(kind, list, metric) {
  return workloadsOf(list).map(workload => {
    const series = [];
    for (const one of list.filter(c => c.workload === workload))
      one.runs.forEach((own, run) => {
        const values = own && own.values[metric];
        if (values && values.some(v => v !== null))
          series.push({...lineStyle(one, run), label: labelOf(one, run, shortName(one)), points: stepsOf(values)});
      });
    if (series.length === 0) return null;
    const label = `Share of the trials up to a ${titleOf(metric)}, ${workload}`;
    return el('div', {class: 'card'},
              chartCard(`ecdf:${workload}:${metric}`, workload, label, () => 260, () => lineChart(
                  series, {...valueScale(metric, titleOf(metric), series.flatMap(s => s.points.map(p => p[0]))), beginAtZero: false},
                  shareScale('share of the trials'), (x, y) => `${digits(y)} % up to ${human(metric, x)}`,
                  {stepped: 'before'})),
              legend(series));
  });
}

// The legend of a chart whose lines all stay.
function legend(series) {
  return el('div', {class: 'legend'}, series.map(one => el('span', {class: 'chip'}, swatch(one), one.label)));
}

function swatch(one) {
  const style = one.dash.length === 0 ? 'solid' : one.dash[0] > 4 ? 'dashed' : 'dotted';
  return el('span', {class: 'swatch', style: `border-color:${one.colour};border-top-style:${style}`});
}

function lineStyle(one, run) {
  return {colour: colour(one.index), dash: dash(one.index, run)};
}

function labelOf(one, run, name = one.name) {
  return runs.length > 1 ? `${name} · ${letterOf(run)}` : name;
}

function figuresTable(kind, list) {
  const metrics = kind.columns.filter(metric => list.some(c => runs.some((_, run) => {
    const row = summary.get(key(run, c.name, metric));
    return row && (metric !== 'lost' || row.max > 0);
  })));
  const rows = list.flatMap(one => one.runs.map((own, run) => own && [
    one.name, ...runs.length > 1 ? [letterOf(run)] : [], `${own.ok}/${own.trials}`,
    ...metrics.map(metric => figureCell(summary.get(key(run, one.name, metric)))),
  ]).filter(Boolean));
  return table('Medians of the ok trials; below them their 95 % interval, which takes six trials', [
    {title: 'case'}, ...runs.length > 1 ? [{title: 'run'}] : [], {title: 'ok', isNumber: true},
    ...metrics.map(metric => ({title: titleOf(metric), isNumber: true})),
  ], rows);
}

function figuresSection(kind) {
  const list = cases.filter(c => kind.kinds.includes(c.kind) && isVisible(c));
  if (list.length === 0) return null;
  const metrics = metricsOf(list, kind.first);
  if (metrics.length === 0) return section(kind.id, kind.title, [], el('p', {class: 'note'}, 'No trial was ok.'));
  const metric = choice(`${kind.id}.metric`, metrics), view = choice(`${kind.id}.view`, ['bars', 'ecdf']);
  const controls = [
    selectOf('Show', metrics.map(m => [m, titleOf(m)]), metric, choose(`${kind.id}.metric`)),
    selectOf('as', [['bars', 'medians and trials'], ['ecdf', 'distribution (ECDF)']], view, choose(`${kind.id}.view`)),
  ];
  const grey = list.some(c => baselines.has(c.name)) ? ' Grey: what others are compared with.' : '';
  const letters = runs.length > 1 ? ' From top to bottom of a row: ' + runs.map((_, run) => letterOf(run)).join(', ') + '.' : '';
  const explained = view === 'bars'
      ? `Bar or mark: median. Line: its 95 % interval, which takes six trials. Dots: single trials.${grey}${letters}`
      : 'How many of the trials were at or below a value.';
  return section(kind.id, kind.title, controls,
                 el('p', {class: 'note'}, `${sentence(METRICS.get(metric).doc)} ${explained}`),
                 columns((view === 'bars' ? barCards : distributionCards)(kind, list, metric)),
                 figuresTable(kind, list));
}

// --- Lines that one can choose among --------------------------------------------------------------------------------

// Buttons, one a line. Of many, the first few are shown until others are asked for.
function chooser(name, series) {
  const shown = state.shown[name] || (state.shown[name] = new Set(series.slice(0, MOST_LINES).map(one => one.id)));
  if (!series.some(one => shown.has(one.id))) for (const one of series.slice(0, MOST_LINES)) shown.add(one.id);
  const toggle = id => () => {
    if (shown.has(id)) shown.delete(id);
    else shown.add(id);
    render();
  };
  const buttons = series.map(one => el('button', {
    type: 'button', class: 'chip', 'aria-pressed': String(shown.has(one.id)), onclick: toggle(one.id),
  }, swatch(one), one.label));
  return {shown: series.filter(one => shown.has(one.id)), buttons: el('div', {class: 'legend'}, buttons)};
}

// [x, y] of several trials, point by point: the medians, as far as at least half of the trials go.
function medianPoints(trials) {
  const longest = Math.max(...trials.map(points => points.length));
  return Array.from({length: longest}, (_, i) => trials.map(points => points[i]).filter(Boolean))
      .filter(points => points.length * 2 >= trials.length)
      .map(points => [median(points.map(p => p[0])), median(points.map(p => p[1]))]);
}

// Of each visible case and run: the trials that have something of the kind `field` of the data.
function trialsByCase(field) {
  return cases.filter(isVisible).flatMap(one => one.runs.map((own, run) => {
    const trials = own ? runs[run][field].filter(trial => trial.case === one.name) : [];
    return trials.length ? {id: `${run} ${one.name}`, one, ...lineStyle(one, run), label: labelOf(one, run), trials} : null;
  }).filter(Boolean));
}

// --- Round trips: percentiles and their distribution ----------------------------------------------------------------

// Of several percentile curves: the median of their values at each level that half of them reach. Past its last level
// a trial stands at its longest round trip.
function medianCurve(curves) {
  const levels = curves.map(points => new Map(points.slice(0, -1)));
  const all = [...new Set(levels.flatMap(map => [...map.keys()]))].sort((a, b) => a - b);
  const reached = all.filter(level => 2 * levels.filter(map => map.has(level)).length >= curves.length);
  const last = [0, 1].map(i => median(curves.map(points => points.at(-1)[i])));
  return [...reached.map(level => [level, median(levels.map((map, i) => map.get(level) ?? curves[i].at(-1)[1]))]), last];
}

function curveSeries(one) {
  const trials = one.trials.map(trial => trial.points);
  const level = ([inverse, ns]) => [Math.log10(inverse), ns];
  return {...one, points: medianCurve(trials).map(level), thin: trials.length > 1 ? trials.map(t => t.map(level)) : []};
}

function roundTripsSection() {
  const all = trialsByCase('curves');
  if (all.length === 0) return null;
  const {shown, buttons} = chooser('curves', all);
  const series = shown.map(curveSeries);
  const values = series.flatMap(s => [s.points, ...s.thin].flatMap(points => points.map(p => p[1])));
  const largest = Math.max(...series.flatMap(s => s.points.map(p => p[0])));
  const names = shown.map(s => s.label).join(', ');
  const bulk = series.map(s => ({...s, thin: [], points: s.points.filter(p => p[0] <= 3.001)
      .map(([inverse, ns]) => [ns, 100 * (1 - 10 ** -inverse)])}));
  const describe = (level, ns) => `${percentText(1 - 10 ** -level)}: ${human('rtt_ns', ns)}`;
  return section('round-trips', 'Round trips', [],
      el('p', {class: 'note'}, 'Bold: the median of the trials at each percentile. Thin: single trials. ' +
         'A curve ends at the longest round trip.'),
      buttons,
      el('div', {class: 'cards'},
         chartCard('percentiles', 'By percentile', `Round trip by percentile: ${names}`, () => 340, () => lineChart(
             series, ninesScale(largest), valueScale('rtt_ns', 'round trip', values, 1), describe)),
         chartCard('ecdf', 'Distribution (ECDF), up to 99.9 %', `Share of the round trips up to a time: ${names}`, () => 340,
                   () => lineChart(bulk, {...valueScale('rtt_ns', 'round trip', bulk.flatMap(s => s.points.map(p => p[0])), 0.7),
                                          beginAtZero: false},
                                   shareScale('share of the round trips'),
                                   (ns, share) => `${digits(share)} % up to ${human('rtt_ns', ns)}`))));
}

// --- Comparisons ----------------------------------------------------------------------------------------------------

function forestCards(name, rows, baselineOf, title) {
  return [...new Set(rows.map(row => row.metric))].map(metric => {
    const own = rows.filter(row => row.metric === metric);
    const lines = (row, size) => [...wrap(row.case, size), ...baselineOf ? wrap(`to ${baselineOf(row)}`, size) : []];
    const labels = width => own.map(row => lines(row, width < 420 ? 19 : 34));
    const label = `${titleOf(metric)}, ratios: ` + own.map(row => `${row.case} ${ratioText(row.ratio)} ${row.verdict}`).join('; ');
    return chartCard(`${name}:${metric}`, titleOf(metric), label, width => rowsHeight(labels(width), 34), width => forestChart(
        own.map((row, i) => ({...row, label: labels(width)[i]})), data.threshold, title));
  });
}

// "engine=iperf3", of a baseline that shares the workload.
function differing(baseline, name) {
  const parts = baseline.split('/'), others = name.split('/');
  const left = parts.filter((part, i) => part !== others[i]);
  return left.length ? left.join('/') : baseline;
}

// A table a metric.
function effectTables(rows, how, withBaseline) {
  return [...new Set(rows.map(row => row.metric))].map(
      metric => effectTable(`${sentence(titleOf(metric)).slice(0, -1)}, ${how}`, rows.filter(row => row.metric === metric), withBaseline));
}

const FOREST_NOTE = 'Line: 95 % interval. Band: a difference of less than ' + Math.round(100 * data.threshold) +
    ' %, which does not matter. ▲ faster or higher, ▼ slower or lower, ● the same, ◆ not settled.';

function comparisonsSection() {
  const own = runs.map(run => run.comparisons.filter(row => row.ratio !== null && isVisibleName(row.case)));
  if (own.every(rows => rows.length === 0)) return null;
  const parts = own.flatMap((rows, run) => {
    if (rows.length === 0) return [];
    const of = runs.length > 1 ? ` in ${letterOf(run)}` : '';
    return [
      columns(forestCards(`forest${run || ''}`, rows, row => differing(row.baseline, row.case), `ratio to the baseline${of}`)),
      ...effectTables(rows, `by pairs of trials of one block${of}`, true),
    ];
  });
  return section('comparisons', 'Compared with the baseline', [], el('p', {class: 'note'}, FOREST_NOTE), parts);
}

function changesSection() {
  if (data.changes.length === 0) return null;
  const parts = data.changes.flatMap(change => {
    const rows = change.rows.filter(row => row.ratio !== null && isVisibleName(row.case));
    const letter = letterOf(change.run);
    const unlike = [...change.differences, ...change.only_base.map(name => `only in ${letterOf(0)}: ${name}`),
                    ...change.only_new.map(name => `only in ${letter}: ${name}`)];
    return [
      rows.length ? columns(forestCards(`changes:${letter}`, rows, null, `${letter} / ${letterOf(0)}`)) : null,
      ...effectTables(rows, `${letter} against ${letterOf(0)}`, false),
      unlike.length ? details(`What else differs between ${letterOf(0)} and ${letter} (${unlike.length})`,
                              () => el('ul', {}, unlike.map(line => el('li', {}, line)))) : null,
    ];
  });
  return section('changes', 'From run to run', [], el('p', {class: 'note'}, FOREST_NOTE), parts);
}

function gatesSection() {
  const tables = runs.map((run, index) => run.gates.length === 0 ? null : gatesTable(
      `Judged on the interval${runs.length > 1 ? `, ${letterOf(index)}` : ''}`, run.gates));
  return tables.some(Boolean) ? section('gates', 'Gates', [], tables) : null;
}

// --- Sweeps ---------------------------------------------------------------------------------------------------------

// The axes of the workloads that are numbers and take at least two values: [{workload, axis, column, cases}].
function sweeps() {
  const list = cases.filter(isVisible);
  return workloadsOf(list).flatMap(workload => {
    const own = list.filter(c => c.workload === workload);
    return [...new Set(own.flatMap(c => Object.keys(c.numbers)))].map(axis => {
      const with_axis = own.filter(c => c.numbers[axis]);
      return {workload, axis, cases: with_axis, column: with_axis[0].numbers[axis].column,
              values: [...new Set(with_axis.map(c => c.numbers[axis].value))].sort((a, b) => a - b)};
    }).filter(sweep => sweep.values.length >= 2);
  });
}

function sweepSeries(sweep, metric) {
  const groups = new Map();
  for (const one of sweep.cases) {
    const rest = one.axes.filter(([name]) => name !== sweep.axis);
    const name = rest.length ? shortName({...one, axes: rest}) : sweep.workload;
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(one);
  }
  return [...groups].flatMap(([name, own], index) => runs.map((_, run) => {
    const rows = own.map(one => [one.numbers[sweep.axis].value, summary.get(key(run, one.name, metric))])
        .filter(([, row]) => row).sort((a, b) => a[0] - b[0]);
    return rows.length < 2 ? null : {
      colour: colour(index), dash: dash(index, run), label: labelOf(own[0], run, name),
      points: rows.map(([x, row]) => [x, row.median]), whiskers: rows.map(([, row]) => [row.low, row.high]),
    };
  }).filter(Boolean));
}

// The values of the axis; logarithmic when they span a decade.
function sweepScale(sweep) {
  const {values, column, axis} = sweep;
  const min = values[0], max = values.at(-1);
  const isLog = min > 0 && max / min >= 10;
  const ticks = values.length <= 12 ? values : isLog ? logTicks(min, max) : null;
  return scale(axis.replaceAll('_', ' '), {
    type: isLog ? 'logarithmic' : 'linear',
    min: isLog ? min / 1.1 : min - (max - min) * 0.03, max: isLog ? max * 1.1 : max + (max - min) * 0.03,
    ...ticks ? {afterBuildTicks: scale => { scale.ticks = ticks.map(value => ({value})); }} : {},
    ticks: {callback: value => tick(column, value), autoSkip: true},
  });
}

function sweepsSection() {
  const all = sweeps();
  if (all.length === 0) return null;
  const compared = runs.flatMap(run => run.comparisons.map(row => row.metric));
  const metrics = metricsOf(all.flatMap(sweep => sweep.cases), [...compared, 'throughput_bps', 'rtt_p50_ns']);
  const metric = choice('sweeps.metric', metrics);
  const cards = all.map(sweep => {
    const series = sweepSeries(sweep, metric);
    if (series.length === 0) return null;
    const title = `${sweep.workload}, by ${sweep.axis.replaceAll('_', ' ')}`;
    const values = series.flatMap(s => [...s.points.map(p => p[1]), ...s.whiskers.flat()]);
    return el('div', {class: 'card'},
              chartCard(`sweep:${sweep.workload}:${sweep.axis}:${metric}`, title, `${titleOf(metric)} of ${title}`, () => 290, () => lineChart(
                  series, sweepScale(sweep), valueScale(metric, titleOf(metric), values),
                  (x, y) => `${human(sweep.column, x)}: ${human(metric, y)}`, {pointRadius: 3.5, pointHoverRadius: 5})),
              series.length > 1 ? legend(series) : null);
  });
  if (cards.every(card => card === null)) return null;
  return section('sweeps', 'Sweeps', [selectOf('Show', metrics.map(m => [m, titleOf(m)]), metric, choose('sweeps.metric'))],
                 el('p', {class: 'note'}, 'Medians of the trials, with their 95 % intervals where there are six or more.'),
                 el('div', {class: 'cards'}, cards));
}

// --- In time --------------------------------------------------------------------------------------------------------

const QUANTITIES = [
  ['rate_bps', 'goodput'], ['rate_hz', 'round trips'], ['rtt_ns', "TCP's smoothed RTT"],
  ['cwnd_bytes', 'congestion window'], ['retransmits_hz', 'segments sent again'],
];

function timeSection() {
  const all = trialsByCase('series');
  if (all.length === 0) return null;
  const {shown, buttons} = chooser('series', all);
  const cards = QUANTITIES.map(([quantity, title]) => {
    const series = shown.map(one => {
      const trials = one.trials.map(trial => trial[quantity]).filter(points => points && points.length > 1);
      return trials.length === 0 ? null : {...one, points: medianPoints(trials), thin: trials.length > 1 ? trials : []};
    }).filter(Boolean);
    if (series.length === 0) return null;
    if (quantity === 'retransmits_hz' && series.every(s => [s.points, ...s.thin].flat().every(p => !p[1]))) return null;
    const points = series.flatMap(s => [s.points, ...s.thin].flat());
    const values = points.map(p => p[1]), end = Math.max(...points.map(p => p[0]));
    return chartCard(`time:${quantity}`, title, `${title} in time: ${series.map(s => s.label).join(', ')}`, () => 250, () => lineChart(
        series, scale('seconds of the measured window', {type: 'linear', min: 0, max: end, ticks: {maxTicksLimit: 8, includeBounds: false}}),
        valueScale(quantity, title, values, 2), (x, y) => `${digits(x)} s: ${human(quantity, y)}`));
  });
  if (cards.every(card => card === null)) return null;
  return section('time', 'In time', [], el('p', {class: 'note'}, 'Bold: the median of the trials in each interval. Thin: ' +
      'single trials. The rate is that of the receiving end; RTT, window and retransmissions are what the sending kernel told.'),
      buttons, el('div', {class: 'cards'}, cards));
}

// --- What is told once ----------------------------------------------------------------------------------------------

function trialsSection(field, id, title, note) {
  const trials = runs.flatMap((run, index) => run[field].map(trial => ({...trial, run: letterOf(index)})))
      .filter(trial => isVisibleName(trial.case));
  if (trials.length === 0) return null;
  const content = () => trialsTable(note, trials, runs.length > 1);
  return section(id, title, [], field === 'failed' || trials.length <= 5 ? content()
      : details(`${trials.length} trials`, content));
}

function allFigures() {
  const rows = runs.flatMap((run, index) => run.summary.filter(row => isVisibleName(row.case)).map(row => [
    row.case, ...runs.length > 1 ? [letterOf(index)] : [], row.metric, String(row.n), figureCell({...row, low: null}),
    humanRange(row.metric, row.low, row.high), human(row.metric, row.min), human(row.metric, row.max),
  ]));
  return section('figures', 'All figures', [], details(`${rows.length} rows, as in summary.csv`, () => table('Of the ok trials', [
    {title: 'case'}, ...runs.length > 1 ? [{title: 'run'}] : [], {title: 'metric'}, {title: 'n', isNumber: true},
    {title: 'median', isNumber: true}, {title: '95 % interval'}, {title: 'least', isNumber: true}, {title: 'most', isNumber: true},
  ], rows)));
}

function surroundingsSection() {
  const commands = runs.map((run, index) => {
    const environment = run.environment || {};
    const words = [
      ['run', run.name], ['command', (environment.command_line || []).join(' ')],
      ...Object.entries(environment).filter(([name]) => !['hosts', 'command_line', 'resumed'].includes(name))
          .flatMap(([name, value]) => flatten(value, name)).filter(([, text]) => text),
    ];
    return table(runs.length > 1 ? `Run ${letterOf(index)}` : 'How it was run', [{title: 'what'}, {title: 'value'}],
                 words.map(([name, text]) => [name, {text, attributes: {class: 'text'}}]));
  });
  return section('environment', 'Environment', [], environmentTable(runs), details('Versions and command line', () => commands));
}

function experimentSection() {
  return section('experiment', 'The experiment', [], runs.map((run, index) => {
    if (!run.yaml || index > 0 && run.yaml === runs[0].yaml) return null;
    const title = `experiment.yaml${runs.length > 1 ? ` of ${letterOf(index)}` : ''}`;
    const content = () => el('pre', {'aria-label': title, tabindex: 0}, el('code', {}, run.yaml));
    return el('details', {open: true}, el('summary', {}, title), content());
  }));
}

// --- The page -------------------------------------------------------------------------------------------------------

const MARK_TEXT = {good: '✓', bad: '✗', open: '◆', plain: '·'};

function timeText(iso) {
  return iso ? iso.replace('T', ' ').replace(/\.\d+Z$/, ' UTC').replace(/:\d\d UTC$/, ' UTC') : '';
}

function fillHeader() {
  const names = [...new Set(runs.map(run => run.experiment))].join(', ');
  const questions = [...new Set(runs.map(run => run.description).filter(Boolean))];
  document.title = `${names}: pingperf report`;
  document.getElementById('kicker').textContent = runs.length > 1 ? `${names} · ${runs.length} runs`
      : `${names} · ${timeText(runs[0].started)}`;
  document.getElementById('question').textContent = questions.length === 1 ? questions[0] : names;
  const told = runs.length > 1
      ? [...data.headline, ...runs.flatMap((run, index) => run.headline.filter(s => s.mark === 'bad').map(
            s => ({...s, text: `${letterOf(index)}: ${s.text}`})))]
      : runs[0].headline;
  document.getElementById('answers').append(...told.map(s => el('li', {class: s.mark},
      el('span', {class: 'mark', 'aria-hidden': 'true'}, MARK_TEXT[s.mark]), el('span', {}, s.text))));
  document.getElementById('runs').append(...runs.map((run, index) => el('li', {},
      `${runs.length > 1 ? `${letterOf(index)}: ${run.experiment}, ${timeText(run.started)}, ` : ''}${run.trials} trials, run ${run.name}`)));
  const notes = runs.flatMap((run, index) => run.notes.map(note => runs.length > 1 ? `${letterOf(index)}: ${note}` : note));
  document.getElementById('footer').append(
      ...notes.length ? [el('p', {}, 'What this page leaves out:'), el('ul', {id: 'notes'}, notes.map(note => el('li', {}, note)))] : [],
      el('p', {}, `Made by ${data.generator} from trials.csv, intervals.csv and histograms/ of the run, where every figure is.`));
}

function fillFilter() {
  const filter = document.getElementById('filter');
  const group = (title, names, hidden) => names.length < 2 ? null : el('fieldset', {}, el('legend', {}, title),
      names.map(name => el('label', {class: 'chip'}, el('input', {
        type: 'checkbox', checked: !hidden.has(name), onchange: event => {
          if (event.target.checked) hidden.delete(name);
          else hidden.add(name);
          render();
        },
      }), name)));
  const groups = [group('Workloads', workloadsOf(cases), state.hiddenWorkloads),
                  group('Engines', [...new Set(cases.map(c => c.engine))], state.hiddenEngines)].filter(Boolean);
  filter.replaceChildren(...groups);
  filter.hidden = groups.length === 0;
  filter.addEventListener('submit', event => event.preventDefault());
}

function render() {
  const opened = new Set([...document.querySelectorAll('#report details[open]')].map(d => d.closest('section').id));
  for (const canvas of document.querySelectorAll('#report canvas')) Chart.getChart(canvas)?.destroy();
  charts = [];
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  const at = window.scrollY;
  document.getElementById('report').replaceChildren(...[
    gatesSection(), changesSection(), figuresSection(KINDS[0]), figuresSection(KINDS[1]), roundTripsSection(), comparisonsSection(),
    sweepsSection(), timeSection(),
    trialsSection('failed', 'failed', 'Failed trials', 'Left out of every figure'),
    trialsSection('remarks', 'remarks', 'Trials to keep in mind', 'They count, but something was unlike'),
    allFigures(), surroundingsSection(), experimentSection(),
  ].filter(Boolean));
  for (const id of opened)
    for (const one of document.querySelectorAll(`#${id} details`)) one.open = true;
  drawCharts();
  window.scrollTo(0, at);
}

// The theme: the system's, or the one that was chosen. A browser may keep no choice for a file.
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
