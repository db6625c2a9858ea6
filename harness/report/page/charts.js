// The kinds of chart, each as a configuration of Chart.js: bars with intervals and dots, lines,
// ratios. Colours are those of Okabe and Ito, as dark or light as the theme needs.

const COLOURS = {
  light: ['#0072b2', '#d55e00', '#00875f', '#b4509a', '#8a6d00', '#3592cf', '#5b6470'],
  dark: ['#56b4e9', '#ff8f4a', '#2fc79a', '#e39ac6', '#e8c33d', '#9db8ff', '#aab2bd'],
};
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [14, 4], [5, 2, 2, 2, 2, 2]];

function isDark() {
  return document.documentElement.dataset.theme === 'dark';
}

function styleOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function colour(index) {
  const colours = COLOURS[isDark() ? 'dark' : 'light'];
  return colours[index % colours.length];
}

// Returns the lines of a chart with dashes that tell apart those of one colour.
function withDashes(series) {
  const seen = new Map();
  return series.map(one => {
    const count = seen.get(one.colour) ?? 0;
    seen.set(one.colour, count + 1);
    return {...one, dash: DASHES[count % DASHES.length]};
  });
}

// Moves the points of the lines of a chart apart along x, so that their intervals do not hide each
// other. xs: all places on the axis. A point is then [place, y, x].
function apart(series, xs, isLog) {
  const sorted = [...new Set(xs)].map(x => isLog ? Math.log(x) : x).sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((x, i) => x - sorted[i]);
  const span = sorted.at(-1) - sorted[0];
  const step = Math.min(0.013 * span, 0.5 * Math.min(...gaps) / series.length);
  if (!(step > 0)) return series;
  return series.map((one, index) => {
    const shift = (index - (series.length - 1) / 2) * step;
    const place = x => isLog ? x * Math.exp(shift) : x + shift;
    return {...one, points: one.points.map(([x, y]) => [place(x), y, x])};
  });
}

function faded(hex, alpha) {
  return hex + Math.round(255 * alpha).toString(16).padStart(2, '0');
}

// Draws the intervals that Chart.js lacks: a line from `whiskers[i][0]` to `whiskers[i][1]` through
// each element, along `whiskerAxis`.
const whiskers = {
  id: 'whiskers',
  afterDatasetsDraw(chart) {
    const {ctx} = chart;
    chart.data.datasets.forEach((dataset, index) => {
      if (!dataset.whiskers || !chart.isDatasetVisible(index)) return;
      const along = dataset.whiskerAxis || 'x';
      ctx.save();
      ctx.strokeStyle = dataset.whiskerColour;
      ctx.lineWidth = 1.6;
      chart.getDatasetMeta(index).data.forEach((element, i) => {
        const ends = dataset.whiskers[i];
        if (!ends || ends[0] === null || ends[0] === undefined) return;
        const [from, to] = ends.map(value => chart.scales[along].getPixelForValue(value));
        const point = (at, across) =>
            along === 'x' ? [at, element.y + across] : [element.x + across, at];
        ctx.beginPath();
        for (const [start, end] of [
                 [point(from, 0), point(to, 0)], [point(from, -4), point(from, 4)],
                 [point(to, -4), point(to, 4)]]) {
          ctx.moveTo(...start);
          ctx.lineTo(...end);
        }
        ctx.stroke();
      });
      ctx.restore();
    });
  },
};

// Draws a band from `from` to `to` of the x axis and a line at `at`, behind all other elements.
const band = {
  id: 'band',
  beforeDatasetsDraw(chart, _, options) {
    if (options.at === undefined) return;
    const {ctx, chartArea: {top, bottom}, scales: {x}} = chart;
    const [from, to, at] = [options.from, options.to, options.at].map(v => x.getPixelForValue(v));
    ctx.save();
    ctx.fillStyle = styleOf('--band');
    ctx.fillRect(from, top, to - from, bottom - top);
    ctx.strokeStyle = styleOf('--soft');
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(at, top);
    ctx.lineTo(at, bottom);
    ctx.stroke();
    ctx.restore();
  },
};

// Returns the options that all charts share.
function common(plugins = {}) {
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    normalized: true,
    interaction: {mode: 'nearest', axis: 'xy', intersect: false},
    layout: {padding: {right: 14}},
    plugins: {
      legend: {display: false},
      tooltip: {displayColors: false, ...plugins.tooltip},
      ...plugins.more
    },
  };
}

function scale(title, more = {}) {
  const {ticks, ...rest} = more;
  return {
    grid: {color: styleOf('--grid'), borderColor: styleOf('--line')},
    title: {display: Boolean(title), text: title, color: styleOf('--soft'), font: {size: 12}},
    ...rest,
    ticks:
        {color: styleOf('--soft'), font: {size: 12}, maxRotation: 0, autoSkipPadding: 12, ...ticks},
  };
}

// Returns 1, 2 and 5 of each decade between the two, or only powers of ten for many decades.
function logTicks(min, max) {
  const decades = Math.log10(max / min);
  const steps = decades > 3.5 ? [1] :
      decades > 1.6           ? [1, 3] :
      decades > 0.9           ? [1, 2, 5] :
                                [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9];
  const ticks = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); ++power)
    for (const step of steps) {
      const value = Number(`${step}e${power}`);
      if (value >= min * 0.999 && value <= max * 1.001) ticks.push(value);
    }
  return ticks;
}

// Returns an axis for a column's values: linear from 0, or logarithmic for more than `decades`.
function valueScale(column, title, values, decades = 1.4) {
  const known = values.filter(v => v !== null && v !== undefined && Number.isFinite(v));
  const positive = known.filter(v => v > 0);
  const largest = Math.max(0, ...known), smallest = Math.min(...positive);
  if (positive.length === known.length && positive.length &&
      Math.log10(largest / smallest) > decades) {
    const min = smallest / 1.15, max = largest * 1.15;
    return scale(title, {
      type: 'logarithmic',
      min,
      max,
      afterBuildTicks: axis => {
        axis.ticks = logTicks(min, max).map(value => ({value}));
      },
      ticks: {callback: value => tick(column, value), autoSkipPadding: 28},
    });
  }
  const axis = axisOf(column, title, largest);
  return scale(axis.title, {
    type: 'linear',
    beginAtZero: true,
    suggestedMax: largest > 0 ? largest * 1.02 : 1,
    ticks: {callback: value => digits(value / axis.factor), maxTicksLimit: 7, stepSize: axis.step},
  });
}

// Returns a fixed offset from 0 for dot `i`, so that dots do not hide each other.
function jitter(i) {
  return ((i * 0.618034) % 1 - 0.5) * 0.3;
}

// Bars from 0 to the median, with its interval and the single trials as dots. rows: [{label: lines,
// colour, cells}]. Each cell is a run: {median, low, high, dots: [[block, value]]} or null. On a
// logarithmic axis, which has no 0, the median is a mark instead of a bar. x: the axis, which charts
// side by side share. Runs differ by the strength of the colour.
function barChart(column, x, rows, runCount) {
  const isLog = x.type === 'logarithmic';
  const place = run => (run + 0.5) / runCount * 0.76 - 0.38;
  const datasets = [];
  for (let run = 0; run < runCount; ++run) {
    const cells = rows.map(row => row.cells[run]);
    const strength = 0.62 - 0.42 * (runCount - 1 - run) / runCount;
    datasets.push({
      type: 'scatter',
      indexAxis: 'x',
      parsing: false,
      role: 'trials',
      run,
      order: 0,
      data: cells.flatMap(
          (cell, row) => cell ?
              cell.dots.map(
                  ([block, value], i) =>
                      ({x: value, y: row + place(run) + jitter(i) / runCount, block, row})) :
              []),
      pointRadius: 2.8,
      pointHoverRadius: 4.5,
      borderWidth: 0.8,
      borderColor: styleOf('--paper'),
      backgroundColor: faded(styleOf('--ink'), 0.62),
    });
    const shared = {
      role: 'medians',
      run,
      order: 1,
      whiskers: cells.map(cell => cell && [cell.low, cell.high]),
      whiskerColour: styleOf('--ink'),
    };
    datasets.push(
        isLog ? {
          ...shared,
          type: 'scatter',
          indexAxis: 'x',
          parsing: false,
          pointStyle: 'rectRot',
          pointRadius: 7,
          pointHoverRadius: 8,
          backgroundColor: rows.map(row => row.colour),
          borderColor: styleOf('--paper'),
          data: cells.map((cell, row) => ({x: cell ? cell.median : NaN, y: row + place(run), row})),
        } :
                {
                  ...shared,
                  data: cells.map(cell => cell ? cell.median : null),
                  categoryPercentage: 0.76,
                  barPercentage: 0.86,
                  backgroundColor: rows.map(row => faded(row.colour, strength)),
                  borderColor: rows.map(row => row.colour),
                  borderWidth: {right: 2},
                });
  }
  return {
    type: 'bar',
    data: {labels: rows.map(row => row.label), datasets},
    options: {
      ...common({
        tooltip: {
          callbacks: {
            title: () => '',
            label: item => {
              const {role, run} = item.dataset,
                           row = item.raw && item.raw.row !== undefined ? item.raw.row :
                                                                          item.dataIndex;
              const letter = runCount > 1 ? `${letterOf(run)}, ` : '';
              if (role === 'trials')
                return `${letter}block ${item.raw.block}: ${human(column, item.raw.x)}`;
              const cell = rows[row].cells[run];
              return `${letter}median ${human(column, cell.median)}` +
                  (cell.low === null ?
                       '' :
                       `, 95 % interval ${humanRange(column, cell.low, cell.high)}`);
            },
          }
        }
      }),
      indexAxis: 'y',
      scales: {
        x,
        y: scale('', {
          type: 'category',
          labels: rows.map(row => row.label),
          grid: {display: false},
          ticks: {color: styleOf('--ink'), crossAlign: 'far', autoSkip: false}
        }),
      },
    },
    plugins: [whiskers],
  };
}

// Lines. series: [{label, colour, dash, points: [[x, y]], thin: [points…], whiskers}]. The thin
// lines are single trials. describe: (series, x, y) → the text of the tooltip.
function lineChart(series, x, y, describe, more = {}) {
  const datasets = [];
  const xy = points => points.map(([px, py, at]) => ({x: px, y: py === null ? NaN : py, at: at ?? px}));
  for (const one of series) {
    const drawn = {
      parsing: false,
      borderColor: one.colour,
      backgroundColor: one.colour,
      tension: 0,
      spanGaps: false
    };
    datasets.push({
      ...drawn,
      ...more,
      label: one.label,
      role: 'line',
      data: xy(one.points),
      borderWidth: 2.2,
      borderDash: one.dash,
      pointRadius: more.pointRadius || 0,
      pointHitRadius: 8,
      order: 0,
      whiskers: one.whiskers,
      whiskerAxis: 'y',
      whiskerColour: one.whiskerColour || one.colour,
    });
    for (const points of one.thin || [])
      datasets.push({
        ...drawn,
        ...more,
        role: 'trial',
        data: xy(points),
        borderWidth: 1,
        pointRadius: 0,
        pointHitRadius: 0,
        pointHoverRadius: 0,
        borderColor: faded(one.colour, 0.28),
        order: 1
      });
  }
  return {
    type: 'line',
    data: {datasets},
    options: {
      ...common({
        tooltip: {
          filter: item => item.dataset.role === 'line',
          callbacks: {
            title: () => '',
            label: item => [item.dataset.label, describe(item.raw.at, item.raw.y)]
          },
        }
      }),
      scales: {x, y},
    },
    plugins: [whiskers],
  };
}

// The axis of percentiles, on which 90 %, 99 % and 99.9 % are equally far apart. Its values are
// log10(1 / (1 - level)).
function ninesScale(largest) {
  const ticks = [[Math.log10(2), '50 %']];
  for (let nines = 1; nines <= Math.ceil(largest); ++nines)
    ticks.push([nines, percentText(1 - 10 ** -nines)]);
  return scale('percentile', {
    type: 'linear',
    min: 0,
    max: Math.max(1, largest * 1.01),
    afterBuildTicks: axis => {
      axis.ticks = ticks.filter(([v]) => v <= axis.max).map(([value]) => ({value}));
    },
    ticks: {callback: value => (ticks.find(([v]) => v === value) || [0, ''])[1], autoSkip: true},
  });
}

const NICE_RATIOS = [
  0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1,    1.05, 1.1,  1.2,  1.5,
  2,    3,    5,    10,   20,  30,  50,  100, 200, 300, 500, 1000, 2000, 3000, 5000, 10000
];

// Returns as many round ratios as fit, always including 1.
function ratioTicks(min, max) {
  const gap = (max - min) / 7;
  const kept = [0];
  const inside = NICE_RATIOS.map(Math.log).filter(v => v >= min && v <= max);
  inside.sort((a, b) => Math.abs(a) - Math.abs(b));
  for (const v of inside)
    if (kept.every(other => Math.abs(other - v) >= gap)) kept.push(v);
  return kept.sort((a, b) => a - b);
}

const MARKS = {
  faster: ['--good', 'triangle', 0],
  slower: ['--bad', 'triangle', 180],
  higher: ['--focus', 'triangle', 0],
  lower: ['--focus', 'triangle', 180],
  same: ['--soft', 'circle', 0],
  inconclusive: ['--open', 'rectRot', 0],
};

// The marks of cases that one run compares: a slower one is a finding, and no regression.
const NEUTRAL_MARKS = {
  ...MARKS,
  faster: MARKS.higher,
  slower: MARKS.lower
};

// Ratios with their intervals, and the band in which a difference does not matter. rows: [{label:
// lines, and the columns of a verdict}]. The axis is logarithmic: 2 and 0.5 are equally far from
// 1, and includes the ratios of `all`, the rows of the charts beside it. marks: of the verdicts.
function forestChart(rows, all, threshold, title, marks) {
  const log = value => value === null || value === undefined ? null : Math.log(value);
  const ratios = all.flatMap(row => [row.ratio, row.ci_low, row.ci_high]).filter(v => v > 0);
  const [least, most] = [
    Math.min(1 - 1.6 * threshold, ...ratios), Math.max(1 + 1.6 * threshold, ...ratios)
  ].map(Math.log);
  const min = least - 0.05 * (most - least), max = most + 0.05 * (most - least);
  const markOf = row => marks[row.verdict] || marks.inconclusive;
  return {
    type: 'scatter',
    data: {
      labels: rows.map(row => row.label),
      datasets: [{
        role: 'ratios',
        parsing: false,
        data: rows.map((row, i) => ({x: row.ratio === null ? NaN : log(row.ratio), y: i})),
        pointStyle: rows.map(row => markOf(row)[1]),
        rotation: rows.map(row => markOf(row)[2]),
        pointRadius: 6,
        pointHoverRadius: 7,
        backgroundColor: rows.map(row => styleOf(markOf(row)[0])),
        borderColor: styleOf('--paper'),
        whiskers: rows.map(row => row.ci_low === null ? null : [log(row.ci_low), log(row.ci_high)]),
        whiskerColour: styleOf('--ink'),
      }],
    },
    options: {
      ...common({
        tooltip: {
          callbacks: {
            title: () => '',
            label: item => {
              const row = rows[item.dataIndex];
              const interval =
                  row.ci_low === null ? '' : ` [${ratioText(row.ci_low)}, ${ratioText(row.ci_high)}]`;
              return `${ratioText(row.ratio)}${interval}, n = ${countOf(row)}: ${row.verdict}`;
            }
          }
        },
        more: {band: {at: 0, from: Math.log(1 - threshold), to: Math.log(1 + threshold)}},
      }),
      scales: {
        x: scale(title, {
          type: 'linear',
          min,
          max,
          afterBuildTicks: axis => {
            axis.ticks = ratioTicks(min, max).map(value => ({value}));
          },
          ticks:
              {callback: value => String(Number(Math.exp(value).toPrecision(3))), autoSkip: false},
        }),
        y: scale('', {
          type: 'category',
          labels: rows.map(row => row.label),
          offset: true,
          grid: {display: false},
          ticks: {color: styleOf('--ink'), crossAlign: 'far', autoSkip: false}
        }),
      },
    },
    plugins: [whiskers, band],
  };
}
