// Sections without a chart: failed trials, all figures, the hosts and the experiment.

function trialsSection(field, id, title, note) {
  const trials =
      runs.flatMap((run, index) => run[field].map(trial => ({...trial, run: letterOf(index)})))
          .filter(trial => isVisibleName(trial.case));
  if (trials.length === 0) return null;
  const content = () => trialsTable(note, trials, runs.length > 1);
  return section(
      id, title, [],
      field === 'failed' || trials.length <= 5 ? content() :
                                                 details(`${trials.length} trials`, content));
}

function allFigures() {
  const rows = runs.flatMap(
      (run, index) => run.summary.filter(row => isVisibleName(row.case))
                          .map(
                              row =>
                                  [row.case,
                                   ...runs.length > 1 ? [letterOf(index)] : [],
                                   row.metric,
                                   String(row.n),
                                   figureCell({...row, low: null}),
                                   humanRange(row.metric, row.low, row.high),
                                   human(row.metric, row.min),
                                   human(row.metric, row.max),
  ]));
  return section(
      'figures', 'All figures', [],
      details(
          `${rows.length} rows; summary.csv has every metric`,
          () => table(
              'Of the ok trials',
              [
                {title: 'case'},
                ...runs.length > 1 ? [{title: 'run'}] : [],
                {title: 'metric'},
                {title: 'n', isNumber: true},
                {title: 'median', isNumber: true},
                {title: '95 % interval'},
                {title: 'least', isNumber: true},
                {title: 'most', isNumber: true},
              ],
              rows)));
}

function surroundingsSection() {
  const commands = detailedRuns((run, index) => {
    const environment = run.environment || {};
    const words = [
      ['run', run.name],
      ['command', (environment.command_line || []).join(' ')],
      ...Object.entries(environment)
          .filter(([name]) => !['hosts', 'command_line', 'resumed'].includes(name))
          .flatMap(([name, value]) => flatten(value, name))
          .filter(([, text]) => text),
    ];
    return table(
        runs.length > 1 ? `Run ${letterOf(index)}` : 'How it was run',
        [{title: 'what'}, {title: 'value'}],
        words.map(([name, text]) => [name, {text, attributes: {class: 'text'}}]));
  });
  return section(
      'environment', 'Environment', [], environmentTable(isMany ? [runs[0], runs.at(-1)] : runs),
      details('Versions and command line', () => commands));
}

function experimentSection() {
  return section('experiment', 'The experiment', [], runs.map((run, index) => {
    if (!run.yaml || index > 0 && run.yaml === runs[0].yaml) return null;
    const title = `experiment.yaml${runs.length > 1 ? ` of ${letterOf(index)}` : ''}`;
    const content = () => el('pre', {'aria-label': title, tabindex: 0}, el('code', {}, run.yaml));
    return el('details', {open: true}, el('summary', {}, title), content());
  }));
}
