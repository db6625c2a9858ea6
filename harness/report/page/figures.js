// Sections of figures and their verdicts: bars and distributions, comparisons, sweeps.

// Returns the metrics that some of the cases have: those in `first` first.
function metricsOf(list, first = []) {
  const has = metric =>
      list.some(c => runs.some((_, run) => summary.has(key(run, c.name, metric))));
  const all = [...first, ...data.metrics.map(metric => metric.name)];
  return [...new Set(all)].filter(metric => METRICS.has(metric) && has(metric));
}

function barRow(one, metric, width) {
  const cells = runs.map((_, run) => {
    const row = summary.get(key(run, one.name, metric)), values = one.runs[run];
    if (!row) return null;
    const dots = (values.values[metric] || [])
                     .map((value, i) => [values.blocks[i], value])
                     .filter(([, v]) => v !== null);
    return {...row, dots, isBaseline: baselines.has(one.name)};
  });
  const figures = cells.map(
      (cell, run) =>
          cell && (runs.length > 1 ? `${letterOf(run)} ` : '') + human(metric, cell.median));
  return {label: [...wrap(shortName(one), width), ...figures.filter(Boolean)], cells};
}

function barCards(kind, list, metric) {
  return workloadsOf(list).map(workload => {
    const own = list.filter(
        c => c.workload === workload &&
            runs.some((_, run) => summary.has(key(run, c.name, metric))));
    if (own.length === 0) return null;
    const rows = width => own.map(c => barRow(c, metric, width < 420 ? 19 : 28));
    const label = `${titleOf(metric)} of ${workload}: ` +
        own.map(c => barRow(c, metric, 99).label.join(' ')).join('; ');
    return chartCard(
        `bars:${workload}:${metric}`, workload, label,
        width => rowsHeight(rows(width).map(row => row.label), 18 + 20 * runs.length),
        width => barChart(metric, titleOf(metric), rows(width), runs.length));
  });
}

function stepsOf(values) {
  const sorted = values.filter(v => v !== null).sort((a, b) => a - b);
  return [[sorted[0], 0], ...sorted.map((value, i) => [value, 100 * (i + 1) / sorted.length])];
}

function shareScale(title) {
  return scale(title, {
    type: 'linear',
    min: 0,
    max: 100,
    ticks: {callback: value => `${value} %`, maxTicksLimit: 6}
  });
}

function distributionCards(kind, list, metric) {
  return workloadsOf(list).map(workload => {
    const series = [];
    list.filter(c => c.workload === workload)
        .forEach((one, index) => one.runs.forEach((own, run) => {
          const values = own && own.values[metric];
          if (values && values.some(v => v !== null))
            series.push({
              colour: colour(index),
              dash: dash(index, run),
              label: labelOf(one, run, shortName(one)),
              points: stepsOf(values)
            });
        }));
    if (series.length === 0) return null;
    const label = `Share of the trials up to a ${titleOf(metric)}, ${workload}`;
    return el(
        'div', {class: 'card'},
        chartCard(
            `ecdf:${workload}:${metric}`, workload, label, () => 260,
            () => lineChart(
                series, {
                  ...valueScale(
                      metric, titleOf(metric), series.flatMap(s => s.points.map(p => p[0]))),
                  beginAtZero: false
                },
                shareScale('share of the trials'),
                (x, y) => `${digits(y)} % up to ${human(metric, x)}`, {stepped: 'before'})),
        legend(series));
  });
}

// The legend of a chart whose lines cannot be hidden.
function legend(series) {
  return el(
      'div', {class: 'legend'},
      series.map(one => el('span', {class: 'chip'}, swatch(one), one.label)));
}

function swatch(one) {
  const style = one.dash.length === 0 ? 'solid' : one.dash[0] > 4 ? 'dashed' : 'dotted';
  return el(
      'span', {class: 'swatch', style: `border-color:${one.colour};border-top-style:${style}`});
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
  const rows = list.flatMap(
      one => one.runs
                 .map(
                     (own, run) => own &&
                         [
                           one.name,
                           ...runs.length > 1 ? [letterOf(run)] : [],
                           `${own.ok}/${own.trials}`,
                           ...metrics.map(
                               metric => figureCell(summary.get(key(run, one.name, metric)))),
                         ])
                 .filter(Boolean));
  return table(
      'Medians of the ok trials; below them their 95 % interval, which takes six trials',
      [
        {title: 'case'},
        ...runs.length > 1 ? [{title: 'run'}] : [],
        {title: 'ok', isNumber: true},
        ...metrics.map(metric => ({title: titleOf(metric), isNumber: true})),
      ],
      rows);
}

function figuresSection(kind) {
  const list = cases.filter(c => kind.kinds.includes(c.kind) && isVisible(c));
  if (list.length === 0) return null;
  const metrics = metricsOf(list, kind.first);
  if (metrics.length === 0)
    return section(kind.id, kind.title, [], el('p', {class: 'note'}, 'No trial was ok.'));
  const metric = choice(`${kind.id}.metric`, metrics),
        view = choice(`${kind.id}.view`, ['bars', 'ecdf']);
  const controls = [
    selectOf('Show', metrics.map(m => [m, titleOf(m)]), metric, choose(`${kind.id}.metric`)),
    selectOf(
        'as', [['bars', 'medians and trials'], ['ecdf', 'distribution (ECDF)']], view,
        choose(`${kind.id}.view`)),
  ];
  const grey = list.some(c => baselines.has(c.name)) ? ' Grey: what others are compared with.' : '';
  const letters = runs.length > 1 ?
      ' From top to bottom of a row: ' + runs.map((_, run) => letterOf(run)).join(', ') + '.' :
      '';
  const explained = view === 'bars' ?
      `Bar or mark: median. Line: its 95 % interval, which takes six trials. Dots: single trials.${
          grey}${letters}` :
      'How many of the trials were at or below a value.';
  return section(
      kind.id, kind.title, controls,
      el('p', {class: 'note'}, `${sentence(METRICS.get(metric).doc)} ${explained}`),
      columns((view === 'bars' ? barCards : distributionCards)(kind, list, metric)),
      figuresTable(kind, list));
}

// Returns true if a verdict has a ratio, or the difference of a count that is often 0.
const hasEffect = row => row.ratio !== null || row.difference !== null;

function forestCards(name, all, baselineOf, title) {
  const rows = all.filter(row => row.ratio !== null);
  return [...new Set(rows.map(row => row.metric))].map(metric => {
    const own = rows.filter(row => row.metric === metric);
    const lines = (row, size) =>
        [...wrap(row.case, size), ...baselineOf ? wrap(`to ${baselineOf(row)}`, size) : []];
    const labels = width => own.map(row => lines(row, width < 420 ? 19 : 34));
    const label = `${titleOf(metric)}, ratios: ` +
        own.map(row => `${row.case} ${ratioText(row.ratio)} ${row.verdict}`).join('; ');
    return chartCard(
        `${name}:${metric}`, titleOf(metric), label, width => rowsHeight(labels(width), 34),
        width => forestChart(
            own.map((row, i) => ({...row, label: labels(width)[i]})), data.threshold, title));
  });
}

// Returns the parts of the baseline's name that the other name lacks: "engine=iperf3".
function differing(baseline, name) {
  const parts = baseline.split('/'), others = name.split('/');
  const left = parts.filter((part, i) => part !== others[i]);
  return left.length ? left.join('/') : baseline;
}

// Returns one table per metric.
function effectTables(rows, how, withBaseline) {
  return [...new Set(rows.map(row => row.metric))].map(
      metric => {
        const own = rows.filter(row => row.metric === metric);
        return [
          effectTable(`${sentence(titleOf(metric)).slice(0, -1)}, ${how}`, own, withBaseline),
          explanations(own, withBaseline)
        ];
      });
}

const forestNote = () =>
    `Line: 95 % interval. Band: a difference of less than ${Math.round(100 * data.threshold)} %, ` +
    'which does not matter. ▲ faster or higher, ▼ slower or lower, ● the same, ◆ not settled.';

function comparisonsSection() {
  const own =
      runs.map(run => run.comparisons.filter(row => hasEffect(row) && isVisibleName(row.case)));
  if (own.every(rows => rows.length === 0)) return null;
  const parts = own.flatMap((rows, run) => {
    if (rows.length === 0) return [];
    const of = runs.length > 1 ? ` in ${letterOf(run)}` : '';
    return [
      columns(forestCards(
          `forest${run || ''}`, rows, row => differing(row.baseline, row.case),
          `ratio to the baseline${of}`)),
      ...effectTables(rows, `by pairs of trials of one block${of}`, true),
    ];
  });
  return section(
      'comparisons', 'Compared with the baseline', [], el('p', {class: 'note'}, forestNote()),
      parts);
}

function changesSection() {
  if (data.changes.length === 0) return null;
  const parts = data.changes.flatMap(change => {
    const rows = change.rows.filter(row => hasEffect(row) && isVisibleName(row.case));
    const letter = letterOf(change.run);
    const unlike = [
      ...change.differences, ...change.only_base.map(name => `only in ${letterOf(0)}: ${name}`),
      ...change.only_new.map(name => `only in ${letter}: ${name}`)
    ];
    return [
      rows.length ?
          columns(forestCards(`changes:${letter}`, rows, null, `${letter} / ${letterOf(0)}`)) :
          null,
      ...effectTables(rows, `${letter} against ${letterOf(0)}`, false),
      unlike.length ?
          details(
              `What else differs between ${letterOf(0)} and ${letter} (${unlike.length})`,
              () => el('ul', {}, unlike.map(line => el('li', {}, line)))) :
          null,
    ];
  });
  return section('changes', 'From run to run', [], el('p', {class: 'note'}, forestNote()), parts);
}

function gatesSection() {
  const tables = runs.map(
      (run, index) => run.gates.length === 0 ?
          null :
          gatesTable(
              `Judged on the interval${runs.length > 1 ? `, ${letterOf(index)}` : ''}`, run.gates));
  return tables.some(Boolean) ? section('gates', 'Gates', [], tables) : null;
}

// Returns the axes of the workloads with at least two numbers as values: [{workload, axis, column,
// cases}].
function sweeps() {
  const list = cases.filter(isVisible);
  return workloadsOf(list).flatMap(workload => {
    const own = list.filter(c => c.workload === workload);
    return [...new Set(own.flatMap(c => Object.keys(c.numbers)))]
        .map(axis => {
          const with_axis = own.filter(c => c.numbers[axis]);
          return {
            workload,
            axis,
            cases: with_axis,
            column: with_axis[0].numbers[axis].column,
            values: [...new Set(with_axis.map(c => c.numbers[axis].value))].sort((a, b) => a - b)
          };
        })
        .filter(sweep => sweep.values.length >= 2);
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
  return [...groups].flatMap(
      ([name, own], index) => runs.map((_, run) => {
                                    const rows =
                                        own.map(
                                               one =>
                                                   [one.numbers[sweep.axis].value,
                                                    summary.get(key(run, one.name, metric))])
                                            .filter(([, row]) => row)
                                            .sort((a, b) => a[0] - b[0]);
                                    return rows.length < 2 ? null : {
                                      colour: colour(index),
                                      dash: dash(index, run),
                                      label: labelOf(own[0], run, name),
                                      points: rows.map(([x, row]) => [x, row.median]),
                                      whiskers: rows.map(([, row]) => [row.low, row.high]),
                                    };
                                  })
                                  .filter(Boolean));
}

// Returns the scale of the axis. It is logarithmic if the values span a decade.
function sweepScale(sweep) {
  const {values, column, axis} = sweep;
  const min = values[0], max = values.at(-1);
  const isLog = min > 0 && max / min >= 10;
  const ticks = values.length <= 12 ? values : isLog ? logTicks(min, max) : null;
  return scale(axis.replaceAll('_', ' '), {
    type: isLog ? 'logarithmic' : 'linear',
    min: isLog ? min / 1.1 : min - (max - min) * 0.03,
    max: isLog ? max * 1.1 : max + (max - min) * 0.03,
    ...ticks ? {
      afterBuildTicks: scale => {
        scale.ticks = ticks.map(value => ({value}));
      }
    } :
               {},
    ticks: {callback: value => tick(column, value), autoSkip: true},
  });
}

function sweepsSection() {
  const all = sweeps();
  if (all.length === 0) return null;
  const compared = runs.flatMap(run => run.comparisons.map(row => row.metric));
  const metrics =
      metricsOf(all.flatMap(sweep => sweep.cases), [...compared, 'throughput_bps', 'rtt_p50_ns']);
  const metric = choice('sweeps.metric', metrics);
  const cards = all.map(sweep => {
    const series = sweepSeries(sweep, metric);
    if (series.length === 0) return null;
    const title = `${sweep.workload}, by ${sweep.axis.replaceAll('_', ' ')}`;
    const values = series.flatMap(s => [...s.points.map(p => p[1]), ...s.whiskers.flat()]);
    return el(
        'div', {class: 'card'},
        chartCard(
            `sweep:${sweep.workload}:${sweep.axis}:${metric}`, title,
            `${titleOf(metric)} of ${title}`, () => 290,
            () => lineChart(
                series, sweepScale(sweep), valueScale(metric, titleOf(metric), values),
                (x, y) => `${human(sweep.column, x)}: ${human(metric, y)}`,
                {pointRadius: 3.5, pointHoverRadius: 5})),
        series.length > 1 ? legend(series) : null);
  });
  if (cards.every(card => card === null)) return null;
  return section(
      'sweeps', 'Sweeps',
      [selectOf('Show', metrics.map(m => [m, titleOf(m)]), metric, choose('sweeps.metric'))],
      el('p', {class: 'note'},
         'Medians of the trials, with their 95 % intervals where there are six or more.'),
      el('div', {class: 'cards'}, cards));
}
