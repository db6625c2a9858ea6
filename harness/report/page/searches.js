// The section of searches: what each found, and the metric of every value that it tried.

const OUTCOMES = [
  {kept: true, title: 'kept', style: 'circle', colour: '--good'},
  {kept: false, title: 'not kept', style: 'crossRot', colour: '--bad'},
  {kept: null, title: 'no evidence', style: 'rect', colour: '--soft'},
];

const outcomeOf = trial => OUTCOMES.find(outcome => outcome.kept === trial.kept);

// Returns a chart of the tried values against the metric of condition `index`, with the interval of
// the result behind them and the bound as a line.
function searchChart(search, index) {
  const {metric, bound} = search.keep[index];
  const trials = search.tried.filter(trial => trial.metrics[index] !== null && trial.value > 0);
  const values = trials.map(trial => trial.value), all = [...values, search.low, search.high];
  const known = all.filter(value => value !== null);
  const min = Math.min(...known) / 1.05, max = Math.max(...known) * 1.05;
  const datasets = OUTCOMES.map(outcome => ({
                                  label: outcome.title,
                                  parsing: false,
                                  pointStyle: outcome.style,
                                  pointRadius: 5,
                                  pointHoverRadius: 7,
                                  borderWidth: 2,
                                  borderColor: styleOf(outcome.colour),
                                  backgroundColor: styleOf(outcome.colour),
                                  data: trials.filter(trial => trial.kept === outcome.kept)
                                            .map(trial => ({
                                                   x: trial.value,
                                                   y: trial.metrics[index],
                                                   trial,
                                                 })),
                                }));
  datasets.push({
    type: 'line',
    label: 'bound',
    parsing: false,
    data: [{x: min, y: bound}, {x: max, y: bound}],
    borderColor: styleOf('--soft'),
    borderWidth: 1.4,
    borderDash: [5, 4],
    pointRadius: 0,
    pointHitRadius: 0,
  });
  const isFound = search.estimate !== null && search.low !== null && search.high !== null;
  return {
    type: 'scatter',
    data: {datasets},
    options: {
      ...common({
        tooltip: {
          filter: item => item.raw.trial,
          callbacks: {
            title: () => '',
            label: item => [`${human(search.column, item.raw.x)}: ${human(metric, item.raw.y)}`,
                            `block ${item.raw.trial.block}, ${outcomeOf(item.raw.trial).title}`,
                            item.raw.trial.note].filter(Boolean),
          },
        },
        more: isFound ? {band: {from: search.low, to: search.high, at: search.estimate}} : {},
      }),
      scales: {
        x: scale(search.column, {
          type: 'logarithmic',
          min,
          max,
          afterBuildTicks: axis => {
            axis.ticks = logTicks(min, max).map(value => ({value}));
          },
          ticks: {callback: value => tick(search.column, value), autoSkip: true},
        }),
        y: valueScale(metric, titleOf(metric), [...trials.map(t => t.metrics[index]), bound], 2),
      },
    },
    plugins: [band],
  };
}

function searchCards(search, letter) {
  const name = search.case + letter;
  return search.keep.map(({metric}, index) => {
    if (search.tried.every(trial => trial.metrics[index] === null)) return null;
    const label = `${titleOf(metric)} of the tried values, ${name}: keeps it up to ${
        search.highest}, interval ${search.interval}`;
    return el(
        'div', {class: 'card'},
        chartCard(
            `search:${name}:${metric}`, name, label, () => 290, () => searchChart(search, index)),
        el('p', {class: 'note'},
           '● kept, ✕ not kept; dashed: the bound; band: the 95 % interval of the highest value ' +
               'that keeps it.'));
  });
}

function searchesSection() {
  const all = detailedRuns(
      (run, index) =>
          run.searches.filter(search => isVisibleName(search.case))
              .map(search => ({search, letter: runs.length > 1 ? ` · ${letterOf(index)}` : ''})));
  if (all.length === 0) return null;
  const rows = all.map(
      ({search, letter}) =>
          [search.case + letter, search.condition, {
            text: search.highest,
            attributes: {'data-search': search.case, 'data-value': search.estimate}
          },
           search.interval, String(search.tried.length), search.end]);
  return section(
      'searches', 'Searches', [],
      table(
          'The highest value that keeps a condition',
          [
            {title: 'case'},
            {title: 'keeps'},
            {title: 'highest', isNumber: true},
            {title: '95 % interval'},
            {title: 'trials', isNumber: true},
            {title: 'why it ended'},
          ],
          rows),
      columns(all.flatMap(({search, letter}) => searchCards(search, letter))));
}
