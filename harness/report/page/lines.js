// Sections of lines from which the reader chooses: round trips by percentile, and series in time.

// Buttons, one per line of the chart. At first, only the first few lines are shown.
function chooser(name, series) {
  const shown = state.shown[name] ||
      (state.shown[name] = new Set(series.slice(0, MAX_LINES).map(one => one.id)));
  if (!series.some(one => shown.has(one.id)))
    for (const one of series.slice(0, MAX_LINES)) shown.add(one.id);
  const toggle = id => () => {
    if (shown.has(id))
      shown.delete(id);
    else
      shown.add(id);
    render();
  };
  const buttons = series.map(
      one =>
          el('button', {
            type: 'button',
            class: 'chip',
            'aria-pressed': String(shown.has(one.id)),
            onclick: toggle(one.id),
          },
             swatch(one), one.label));
  return {
    shown: series.filter(one => shown.has(one.id)),
    buttons: el('div', {class: 'legend'}, buttons)
  };
}

// Returns the medians of several trials, point by point, while at least half of them have a point.
function medianPoints(trials) {
  const longest = Math.max(...trials.map(points => points.length));
  return Array.from({length: longest}, (_, i) => trials.map(points => points[i]).filter(Boolean))
      .filter(points => points.length * 2 >= trials.length)
      .map(points => [median(points.map(p => p[0])), median(points.map(p => p[1]))]);
}

// Returns the trials of each visible case and run that have data in `field`.
function trialsByCase(field) {
  return withDashes(cases.filter(isVisible).flatMap(one => detailedRuns((own, run) => {
    const trials = own[field].filter(trial => trial.case === one.name);
    if (trials.length === 0) return [];
    return [{id: `${run} ${one.name}`, one, colour: colourOf(one), label: labelOf(one, run), trials}];
  })));
}

// Returns the median of several percentile curves at each level that half of them reach. Beyond its
// last level, a trial counts with its longest round trip.
function medianCurve(curves) {
  const levels = curves.map(points => new Map(points.slice(0, -1)));
  const all = [...new Set(levels.flatMap(map => [...map.keys()]))].sort((a, b) => a - b);
  const reached =
      all.filter(level => 2 * levels.filter(map => map.has(level)).length >= curves.length);
  const last = [0, 1].map(i => median(curves.map(points => points.at(-1)[i])));
  return [
    ...reached.map(
        level => [level, median(levels.map((map, i) => map.get(level) ?? curves[i].at(-1)[1]))]),
    last
  ];
}

function curveSeries(one) {
  const trials = one.trials.map(trial => trial.points);
  const level = ([inverse, ns]) => [Math.log10(inverse), ns];
  return {
    ...one,
    points: medianCurve(trials).map(level),
    thin: trials.length > 1 ? trials.map(t => t.map(level)) : []
  };
}

function roundTripsSection() {
  const all = trialsByCase('curves');
  if (all.length === 0) return null;
  const {shown, buttons} = chooser('curves', all);
  const series = shown.map(curveSeries);
  const values =
      series.flatMap(s => [s.points, ...s.thin].flatMap(points => points.map(p => p[1])));
  const largest = Math.max(...series.flatMap(s => s.points.map(p => p[0])));
  const names = shown.map(s => s.label).join(', ');
  const bulk = series.map(
      s => ({
        ...s,
        thin: [],
        points: s.points.filter(p => p[0] <= 3.001).map(([inverse,
                                                          ns]) => [ns, 100 * (1 - 10 ** -inverse)])
      }));
  const describe = (level, ns) => `${percentText(1 - 10 ** -level)}: ${human('rtt_ns', ns)}`;
  return section(
      'round-trips', 'Round trips', [],
      el('p', {class: 'note'},
         'Bold: the median of the trials at each percentile. Thin: single trials. ' +
             'A curve ends at the longest round trip.'),
      buttons,
      el('div', {class: 'cards'},
         chartCard(
             'percentiles', 'By percentile', `Round trip by percentile: ${names}`, () => 340,
             () => lineChart(
                 series, ninesScale(largest), valueScale('rtt_ns', 'round trip', values, 1),
                 describe)),
         chartCard(
             'ecdf', 'Distribution (ECDF), up to 99.9 %',
             `Share of the round trips up to a time: ${names}`, () => 340,
             () => lineChart(
                 bulk, {
                   ...valueScale(
                       'rtt_ns', 'round trip', bulk.flatMap(s => s.points.map(p => p[0])), 0.7),
                   beginAtZero: false
                 },
                 shareScale('share of the round trips'),
                 (ns, share) => `${digits(share)} % up to ${human('rtt_ns', ns)}`))));
}

const QUANTITIES = [
  ['rate_bps', 'goodput'],
  ['rate_hz', 'round trips'],
  ['rtt_ns', "TCP's smoothed RTT"],
  ['cwnd_bytes', 'congestion window'],
  ['retransmits_hz', 'segments sent again'],
];

function timeSection() {
  const all = trialsByCase('series');
  if (all.length === 0) return null;
  const {shown, buttons} = chooser('series', all);
  const cards = QUANTITIES.map(([quantity, title]) => {
    const series =
        shown
            .map(one => {
              const trials = one.trials.map(trial => trial[quantity])
                                 .filter(points => points && points.length > 1);
              return trials.length === 0 ?
                  null :
                  {...one, points: medianPoints(trials), thin: trials.length > 1 ? trials : []};
            })
            .filter(Boolean);
    if (series.length === 0) return null;
    if (quantity === 'retransmits_hz' &&
        series.every(s => [s.points, ...s.thin].flat().every(p => !p[1])))
      return null;
    const points = series.flatMap(s => [s.points, ...s.thin].flat());
    const values = points.map(p => p[1]), end = Math.max(...points.map(p => p[0]));
    return chartCard(
        `time:${quantity}`, title, `${title} in time: ${series.map(s => s.label).join(', ')}`,
        () => 250,
        () => lineChart(
            series, scale('seconds of the measured window', {
              type: 'linear',
              min: 0,
              max: end,
              ticks: {maxTicksLimit: 8, includeBounds: false}
            }),
            valueScale(quantity, title, values, 2),
            (x, y) => `${digits(x)} s: ${human(quantity, y)}`));
  });
  if (cards.every(card => card === null)) return null;
  return section(
      'time', 'In time', [],
      el('p', {class: 'note'},
         'Bold: the median of the trials in each interval. Thin: ' +
             'single trials. The rate is that of the receiving end; RTT, window and ' +
                  'retransmissions are from the sending kernel.'),
      buttons, el('div', {class: 'cards'}, cards));
}
