// Sections of figures and their verdicts: bars and distributions, comparisons, sweeps.

// Returns the metrics that some of the cases have: those in `first` first.
function metricsOf(list, first = []) {
  const has = metric =>
      list.some(c => runs.some((_, run) => summary.has(key(run, c.name, metric))));
  const all = [...first, ...data.metrics.map(metric => metric.name)];
  return [...new Set(all)].filter(metric => METRICS.has(metric) && has(metric));
}

function barRow(one, metric, width, axes) {
  const cells = runs.map((_, run) => {
    const row = summary.get(key(run, one.name, metric)), values = one.runs[run];
    if (!row) return null;
    const dots = (values.values[metric] || [])
                     .map((value, i) => [values.blocks[i], value])
                     .filter(([, v]) => v !== null);
    return {...row, dots};
  });
  const figures = cells.map(
      (cell, run) =>
          cell && (runs.length > 1 ? `${letterOf(run)} ` : '') + human(metric, cell.median));
  return {
    label: [...wrap(nameAmong(one, axes), width), ...figures.filter(Boolean)],
    colour: colourOf(one),
    cells
  };
}

// Returns every value of a metric that bars or dots show.
function valuesOf(list, metric) {
  return list.flatMap(one => barRow(one, metric, 99, []).cells.filter(Boolean).flatMap(
      cell => [cell.median, cell.low, cell.high, ...cell.dots.map(dot => dot[1])]));
}

function barCards(kind, list, metric) {
  const all = valuesOf(list, metric);  // of all charts, which have one scale
  return workloadsOf(list).map(workload => {
    const own = list.filter(
        c => c.workload === workload &&
            runs.some((_, run) => summary.has(key(run, c.name, metric))));
    if (own.length === 0) return null;
    const axes = varyingAxes(own);
    const rows = width => own.map(c => barRow(c, metric, width < 420 ? 19 : 28, axes));
    const label = `${titleOf(metric)} of ${workload}: ` +
        own.map(c => barRow(c, metric, 99, axes).label.join(' ')).join('; ');
    return chartCard(
        `bars:${workload}:${metric}`, workload, label,
        width => rowsHeight(rows(width).map(row => row.label), 18 + 20 * runs.length),
        width => barChart(
            metric, valueScale(metric, titleOf(metric), all), rows(width), runs.length));
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

// Returns a line for each case of the workload and run: the share of its trials up to a value.
function distributionSeries(list, workload, metric) {
  const own = list.filter(c => c.workload === workload), axes = varyingAxes(own);
  return withDashes(own.flatMap(one => detailedRuns((_, run) => {
    const values = one.runs[run]?.values[metric];
    if (!values || values.every(v => v === null)) return [];
    return [{
      colour: colourOf(one),
      label: labelOf(one, run, nameAmong(one, axes)),
      points: stepsOf(values)
    }];
  })));
}

function distributionCards(kind, list, metric) {
  const all = workloadsOf(list).map(workload => distributionSeries(list, workload, metric));
  const values = all.flat().flatMap(s => s.points.map(p => p[0]));
  return workloadsOf(list).map((workload, index) => {
    const series = all[index];
    if (series.length === 0) return null;
    const label = `Share of the trials up to a ${titleOf(metric)}, ${workload}`;
    return el(
        'div', {class: 'card'},
        chartCard(
            `ecdf:${workload}:${metric}`, workload, label, () => 260,
            () => lineChart(
                series, {...valueScale(metric, titleOf(metric), values), beginAtZero: false},
                shareScale('share of the trials'),
                (x, y) => `${digits(y)} % up to ${human(metric, x)}`, {stepped: 'before'})),
        legend(series));
  });
}

// The axis of runs, which has the date of some of them.
function runScale() {
  return scale('', {
    type: 'linear',
    min: -0.5,
    max: runs.length - 0.5,
    afterBuildTicks: axis => {
      const step = Math.ceil(runs.length / 6);
      axis.ticks = runs.map((_, value) => ({value})).filter(tick => tick.value % step === 0);
    },
    ticks: {
      callback: index => [timeText(runs[index].started).slice(0, 10), letterOf(index)],
      autoSkip: true,
    },
  });
}

// Returns a chart per workload: the medians of each case, run by run.
function runCards(kind, list, metric) {
  const values = valuesOf(list, metric);
  return workloadsOf(list).map(workload => {
    const own = list.filter(c => c.workload === workload), axes = varyingAxes(own);
    const series = withDashes(own.map(one => {
      const rows = runs.map((_, run) => [run, summary.get(key(run, one.name, metric))])
                       .filter(([, row]) => row);
      return {
        colour: colourOf(one),
        label: nameAmong(one, axes),
        points: rows.map(([run, row]) => [run, row.median]),
        whiskers: rows.map(([, row]) => [row.low, row.high]),
        whiskerColour: faded(colourOf(one), 0.4),
      };
    }).filter(one => one.points.length));
    if (series.length === 0) return null;
    return el(
        'div', {class: 'card'},
        chartCard(
            `runs:${workload}:${metric}`, workload, `${titleOf(metric)} of ${workload}, run by run`,
            () => 290,
            () => lineChart(
                apart(series, runs.map((_, run) => run), false), runScale(),
                valueScale(metric, titleOf(metric), values),
                (run, y) => `${letterOf(run)}, ${timeText(runs[run].started)}: ${human(metric, y)}`,
                {pointRadius: 2.5, pointHoverRadius: 5})),
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

function labelOf(one, run, name = one.name) {
  return runs.length > 1 && !isMany ? `${name} · ${letterOf(run)}` : name;
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
  const caption = 'Medians of the ok trials; below them their 95 % interval, which takes six trials';
  const content = () => table(
      caption,
      [
        {title: 'case'},
        ...runs.length > 1 ? [{title: 'run'}] : [],
        {title: 'ok', isNumber: true},
        ...metrics.map(metric => ({title: titleOf(metric), isNumber: true})),
      ],
      rows);
  return isMany ? details(`${caption}: ${rows.length} rows`, content) : content();
}

// Returns the grids of a sweep of two axes, as the terminal has them.
function gridTables(list, metric) {
  if (runs.length > 1 && !isMany) return [];
  const run = runs.length - 1, newest = isMany ? ', the newest run' : '';
  return runs[run].grids.map(({workload, down, across}) => {
    const own = list.filter(
        c => c.workload === workload && valueOn(c, down) !== '' && valueOn(c, across) !== '');
    if (!own.some(c => summary.has(key(run, c.name, metric)))) return null;
    const valuesOn = axis => [...new Set(own.map(one => valueOn(one, axis)))];
    const cell = (row, column) => {
      const one = own.find(c => valueOn(c, down) === row && valueOn(c, across) === column);
      const figure = one && summary.get(key(run, one.name, metric));
      return figure ? figureCell({...figure, low: null}) : '–';
    };
    return table(
        `${workload}: ${titleOf(metric)} by ${down} and ${across}${newest}`,
        [{title: down}, ...valuesOn(across).map(title => ({title, isNumber: true}))],
        valuesOn(down).map(row => [row, ...valuesOn(across).map(column => cell(row, column))]));
  });
}

function figuresSection(kind) {
  const list = cases.filter(c => kind.kinds.includes(c.kind) && isVisible(c));
  if (list.length === 0) return null;
  const metrics = metricsOf(list, kind.first);
  if (metrics.length === 0)
    return section(kind.id, kind.title, [], el('p', {class: 'note'}, 'No trial was ok.'));
  const metric = choice(`${kind.id}.metric`, metrics),
        view = choice(`${kind.id}.view`, [isMany ? 'runs' : 'bars', 'ecdf']);
  const controls = [
    selectOf('Show', metrics.map(m => [m, titleOf(m)]), metric, choose(`${kind.id}.metric`)),
    selectOf(
        'as',
        [
          isMany ? ['runs', 'medians over time'] : ['bars', 'medians and trials'],
          ['ecdf', `distribution (ECDF)${isMany ? ' of the newest run' : ''}`]
        ],
        view, choose(`${kind.id}.view`)),
  ];
  const letters = runs.length > 1 ?
      ' From top to bottom of a row: ' + runs.map((_, run) => letterOf(run)).join(', ') + '.' :
      '';
  const explained = {
    bars: `Bar or mark: median. Line: its 95 % interval, which takes six trials. Dots: single trials.${
        letters}`,
    runs: 'Each point is the median of a run, with its 95 % interval, from the oldest run to the newest.',
    ecdf: 'How many of the trials were at or below a value.',
  }[view];
  const cards = {bars: barCards, runs: runCards, ecdf: distributionCards}[view];
  return section(
      kind.id, kind.title, controls,
      el('p', {class: 'note'}, `${sentence(METRICS.get(metric).doc)} ${explained}`),
      columns(cards(kind, list, metric)),
      gridTables(list, metric), figuresTable(kind, list));
}

// Returns true if a verdict has a ratio, or the difference of a count that is often 0.
const hasEffect = row => row.ratio !== null || row.difference !== null;

// beside: the rows of the charts beside these, which have the same scale.
function forestCards(name, own, beside, baselineOf, title) {
  const rows = own.filter(row => row.ratio !== null);
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
            own.map((row, i) => ({...row, label: labels(width)[i]})),
            beside.filter(row => row.metric === metric && row.ratio !== null), data.threshold, title,
            baselineOf ? NEUTRAL_MARKS : MARKS));
  });
}

// Returns the parts of the baseline's name that the other name lacks: "engine=iperf3".
function differing(baseline, name) {
  const partsOf = text => text.split(/\/(?=[^/]*=)/);  // a value may contain a slash
  const parts = partsOf(baseline), others = partsOf(name);
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
    'which does not matter. ▲ faster or higher, ▼ slower or lower, ● the same, ◆ inconclusive.';

function comparisonsSection() {
  const own = runs.map(
      (run, index) => run.comparisons.filter(
          row => isDetailed(index) && hasEffect(row) && isVisibleName(row.case)));
  if (own.every(rows => rows.length === 0)) return null;
  const parts = own.flatMap((rows, run) => {
    if (rows.length === 0) return [];
    const of = isMany ? ' in the newest run' : runs.length > 1 ? ` in ${letterOf(run)}` : '';
    return [
      columns(forestCards(
          `forest${run || ''}`, rows, own.flat(), row => differing(row.baseline, row.case),
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
  const base = isMany ? 'the earlier runs' : letterOf(0);
  const all = data.changes.flatMap(change => change.rows).filter(row => isVisibleName(row.case));
  const parts = data.changes.flatMap(change => {
    const rows = change.rows.filter(row => hasEffect(row) && isVisibleName(row.case));
    const letter = isMany ? 'the newest run' : letterOf(change.run);
    const unlike = [
      ...change.differences, ...change.only_base.map(name => `only in ${base}: ${name}`),
      ...change.only_new.map(name => `only in ${letter}: ${name}`)
    ];
    return [
      rows.length ?
          columns(forestCards(`changes:${letter}`, rows, all, null, `${letter} / ${base}`)) :
          null,
      ...effectTables(rows, `${letter} against ${base}`, false),
      unlike.length ?
          details(
              `What else differs between ${base} and ${letter} (${unlike.length})`,
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
  const groups = new Map(), axes = varyingAxes(sweep.cases);
  for (const one of sweep.cases) {
    const rest = one.axes.filter(([name]) => name !== sweep.axis && axes.includes(name));
    const name = rest.length ? shortName({...one, axes: rest}) : sweep.workload;
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(one);
  }
  // The colour of a line, or one of its own if its points have different ones.
  const tint = (own, index) =>
      new Set(own.map(colourKey)).size > 1 ? colour(index) : colourOf(own[0]);
  return withDashes([...groups].flatMap(([name, own], index) => detailedRuns((_, run) => {
    const rows = own.map(one => [one.numbers[sweep.axis].value,
                                 summary.get(key(run, one.name, metric))])
                     .filter(([, row]) => row)
                     .sort((a, b) => a[0] - b[0]);
    if (rows.length < 2) return [];
    return [{
      colour: tint(own, index),
      label: labelOf(own[0], run, name),
      points: rows.map(([x, row]) => [x, row.median]),
      whiskers: rows.map(([, row]) => [row.low, row.high]),
    }];
  })));
}

// The axis is logarithmic if the values span a decade.
const isLogSweep = ({values}) => values[0] > 0 && values.at(-1) / values[0] >= 10;

function sweepScale(sweep) {
  const {values, column, axis} = sweep;
  const min = values[0], max = values.at(-1);
  const isLog = isLogSweep(sweep);
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
  const lines = all.map(sweep => sweepSeries(sweep, metric));
  const values = lines.flat().flatMap(s => [...s.points.map(p => p[1]), ...s.whiskers.flat()]);
  const cards = all.map((sweep, index) => {
    const series = lines[index];
    if (series.length === 0) return null;
    const title = `${sweep.workload}, by ${sweep.axis.replaceAll('_', ' ')}`;
    return el(
        'div', {class: 'card'},
        chartCard(
            `sweep:${sweep.workload}:${sweep.axis}:${metric}`, title,
            `${titleOf(metric)} of ${title}`, () => 290,
            () => lineChart(
                apart(series, sweep.values, isLogSweep(sweep)), sweepScale(sweep),
                valueScale(metric, titleOf(metric), values),
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
