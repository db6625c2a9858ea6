// Elements of the page, and its tables. Names are inserted as text, because they may contain markup.

function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false || value === null) continue;
    if (name.startsWith('on'))
      element.addEventListener(name.slice(2), value);
    else
      element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined));
  return element;
}

// Returns a name that breaks after slashes first.
function breakable(name) {
  return name.split(/(?<=\/)/).flatMap((part, i) => i ? [el('wbr'), part] : [part]);
}

// columns: [{title, isNumber}]; rows: arrays of cells. A cell is a text, an element, or {text,
// small, attributes}. The first cell of a row is its heading.
function table(caption, columns, rows) {
  const cell = (content, i) => {
    const {text, small, attributes} =
        content instanceof Node || typeof content !== 'object' || content === null ?
        {text: content} :
        content;
    const tag = i === 0 ? 'th' : 'td';
    return el(
        tag, {
          scope: i === 0 ? 'row' : null,
          class: columns[i].isNumber ? 'number' : null,
          ...attributes
        },
        i === 0 && typeof text === 'string' ? breakable(text) : text,
        small ? el('small', {}, small) : null);
  };
  return el(
      'div', {class: 'table'}, el('p', {class: 'note', 'aria-hidden': 'true'}, caption),
      el('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption},
         el('table', {'aria-label': caption},
            el('thead', {},
               el('tr', {},
                  columns.map(
                      c =>
                          el('th', {scope: 'col', class: c.isNumber ? 'number' : null}, c.title)))),
            el('tbody', {}, rows.map(row => el('tr', {}, row.map(cell)))))));
}

// Returns a folded section. It is filled when the reader opens it first, since it may be long.
function details(summary, fill) {
  const element = el('details', {}, el('summary', {}, summary));
  element.addEventListener('toggle', () => {
    if (element.open && element.children.length === 1) element.append(...[fill()].flat());
  });
  return element;
}

const VERDICTS = {
  faster: ['good', '▲ faster'],
  slower: ['bad', '▼ slower'],
  higher: ['plain', '▲ higher'],
  lower: ['plain', '▼ lower'],
  same: ['plain', '● same'],
  inconclusive: ['open', '◆ inconclusive'],
  passed: ['good', '✓ held'],
  failed: ['bad', '✗ failed'],
  undecided: ['open', '◆ not decided'],
};

// isNeutral: of cases that one run compares, where slower is no regression.
function verdict(name, isNeutral = false) {
  const [judged, text] = VERDICTS[name] || ['plain', name];
  const mark = isNeutral && ['good', 'bad'].includes(judged) ? 'plain' : judged;
  return el('span', {class: `verdict ${mark}`}, text);
}

// Returns a cell with a figure, its interval below it, and the exact value for scripts.
function figureCell(row) {
  if (!row) return '–';
  return {
    text: human(row.metric, row.median),
    small: humanRange(row.metric, row.low, row.high),
    attributes: {'data-case': row.case, 'data-metric': row.metric, 'data-value': row.median},
  };
}

// Returns the number of pairs of a comparison, or of trials of the smaller run.
const countOf = row => row.n ?? Math.min(row.base_n, row.new_n);

// Returns the table of one metric. A long table is folded, since the chart shows its content.
function effectTable(caption, rows, withBaseline) {
  const content = () => table(
      caption,
      [
        {title: 'case'},
        ...withBaseline ? [{title: 'baseline'}] : [],
        {title: 'ratio or difference', isNumber: true},
        {title: '95 % interval'},
        {title: 'n', isNumber: true},
        {title: 'verdict'},
        {title: 'warning'},
      ],
      rows.map(
          row =>
              [row.case,
               ...withBaseline ? [{text: breakable(row.baseline)}] : [],
               {
                 text: row.ratio === null ? human(row.metric, row.difference) : ratioText(row.ratio),
                 attributes:
                     {'data-case': row.case, 'data-metric': row.metric, 'data-ratio': row.ratio}
               },
               {
                 text: row.ci_low === null ? '' :
                     row.ratio === null ? humanRange(row.metric, row.ci_low, row.ci_high) :
                     `${ratioText(row.ci_low)} to ${ratioText(row.ci_high)}`,
                 attributes: {class: 'unbroken'}
               },
               String(countOf(row)),
               verdict(row.verdict, withBaseline),
               {
                 text: [row.note, row.remark].filter(Boolean).join('; '),
                 attributes: {class: 'text'}
               },
  ]));
  return rows.length <= 8 ? content() : details(`${caption}: ${rows.length} rows`, content);
}

// Returns a line for each row with counters that changed with it. Null without one.
function explanations(rows, withBaseline) {
  const explained = rows.filter(row => row.explanation);
  if (explained.length === 0) return null;
  const name = row => withBaseline ? `${row.case} to ${differing(row.baseline, row.case)}` : row.case;
  return el(
      'div', {class: 'explained'},
      el('p', {class: 'note'},
         'Counters of the kernel that changed with a difference. They went together; ' +
             'this does not show that one caused the other.'),
      el('ul', {},
         explained.map(
             row => el(
                 'li', {'data-explained': row.case, 'data-metric': row.metric},
                 breakable(name(row)), ': ', row.explanation))));
}

function gatesTable(caption, gates) {
  return table(
      caption,
      [
        {title: 'case'},
        {title: 'metric'},
        {title: 'figure', isNumber: true},
        {title: 'interval'},
        {title: 'bound'},
        {title: 'of'},
        {title: 'verdict'},
      ],
      gates.map(
          gate =>
              [gate.case,
               titleOf(gate.metric),
               gate.figure,
               {text: gate.interval === '-' ? '' : gate.interval, attributes: {class: 'unbroken'}},
               {text: gate.bound, attributes: {class: 'unbroken'}},
               {text: breakable(gate.against)},
               {text: verdict(gate.state), small: gate.why},
  ]));
}

function trialsTable(caption, trials, withRun) {
  return table(
      caption,
      [
        {title: 'case'},
        ...withRun ? [{title: 'run'}] : [],
        {title: 'block', isNumber: true},
        {title: 'status'},
        {title: 'what'},
      ],
      trials.map(
          trial =>
              [trial.case,
               ...withRun ? [trial.run] : [],
               String(trial.repetition),
               trial.status,
               {text: trial.text, attributes: {class: 'text'}},
  ]));
}

// {a: {b: 1}} → [['a.b', '1']]
function flatten(value, prefix = '') {
  if (Array.isArray(value) && value.every(v => v === null || typeof v !== 'object'))
    return [[prefix, value.join(' ')]];
  if (value === null || typeof value !== 'object')
    return [[prefix, value === null ? '' : String(value)]];
  return Object.entries(value).flatMap(([key, v]) => flatten(v, prefix ? `${prefix}.${key}` : key));
}

// Returns a table with one column per host. Two ends on one host share a column. Differences are
// marked.
function environmentTable(runs) {
  const columns = [], external = new Set();
  for (const run of runs) {
    const hosts = {...run.environment?.hosts};
    for (const end of ['client', 'server'])  // no agent, so no facts
      if (hosts[end]?.external) {
        external.add(hosts[end].external);
        delete hosts[end];
      }
    const letter = runs.length > 1 ? `${letterOf(data.runs.indexOf(run))} ` : '';
    const [client, server] = [hosts.client, hosts.server].map(facts => JSON.stringify(facts));
    if (client && client === server)
      columns.push([`${letter}client and server`, hosts.client]);
    else
      for (const end of ['client', 'server'])
        if (hosts[end]) columns.push([letter + end, hosts[end]]);
  }
  const facts = columns.map(([, host]) => new Map(flatten(host)));
  const keys = [...new Set(facts.flatMap(map => [...map.keys()]))];
  const others = [...external].map(host => `; no agent on ${host}, which is external`).join('');
  return table(
      `What the hosts are; what differs is marked${others}`,
      [{title: 'fact'}, ...columns.map(([title]) => ({title}))], keys.map(key => {
        const values = facts.map(map => map.get(key) ?? '');
        const differs = new Set(values).size > 1;
        return [
          key,
          ...values.map(text => ({text, attributes: {class: differs ? 'text differs' : 'text'}}))
        ];
      }));
}
