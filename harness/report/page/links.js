// The section of links: a heat map of the pairs of hosts, clients as rows and servers as columns.

const SVG = 'http://www.w3.org/2000/svg';

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Returns 0 to 1: the place of a value between the lowest and the highest.
function shadeOf(value, low, high) {
  return high > low ? (value - low) / (high - low) : 0.5;
}

function heatMap(one) {
  const CELL = one.hosts.length > 24 ? 13 : 22;
  const longest = Math.max(...one.hosts.map(host => host.length));
  const edge = Math.min(130, 10 + 6.2 * longest), top = edge;
  const side = one.hosts.length * CELL;
  const values = one.links.map(link => link[2]);
  const low = Math.min(...values), high = Math.max(...values);
  const label = `${titleOf(one.metric)} of ${one.subject}, a cell per link`;
  const map = svg('svg', {
    width: edge + side + 2,
    height: top + side + 2,
    role: 'img',
    'aria-label': label,
    'data-links': `${one.subject}:${one.metric}`,
    class: 'heat',
  });
  const font = CELL > 16 ? 11 : 9;
  const shorten = host => host.length > 20 ? host.slice(0, 19) + '…' : host;
  one.hosts.forEach((host, i) => {
    const at = i * CELL + CELL / 2;
    map.append(
        svg('text', {x: edge - 5, y: top + at + font / 3, 'text-anchor': 'end', 'font-size': font},
            shorten(host)),
        svg('text', {
          x: 0,
          y: 0,
          'font-size': font,
          transform: `translate(${edge + at + font / 3} ${top - 5}) rotate(-90)`,
        },
            shorten(host)));
  });
  map.append(svg('rect', {x: edge, y: top, width: side, height: side, class: 'frame'}));
  for (const [client, server, value, behind] of one.links)
    map.append(svg(
        'rect', {
          x: edge + server * CELL + 1,
          y: top + client * CELL + 1,
          width: CELL - 2,
          height: CELL - 2,
          class: behind ? 'behind' : 'link',
          'fill-opacity': (0.12 + 0.88 * shadeOf(value, low, high)).toFixed(2),
        },
        svg('title', {},
            `${one.hosts[client]} → ${one.hosts[server]}: ${human(one.metric, value)}${
                behind ? ', behind the others' : ''}`)));
  return el(
      'div', {class: 'card'}, el('h3', {}, `${titleOf(one.metric)}, ${one.subject}`),
      el('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label}, map),
      el('p', {class: 'note'},
         `Rows: client. Columns: server. From ${human(one.metric, low)} (faint) to ${
             human(one.metric, high)} (strong); median ${human(one.metric, one.median)}. `,
         one.links.some(link => link[3]) ? el('strong', {class: 'verdict bad'}, 'Outlined: behind the others.') : ''));
}

function linksSection() {
  const all = detailedRuns(
      (run, index) =>
          run.links.filter(one => isVisible(one))
              .map(one => ({
                     ...one,
                     subject: one.subject + (runs.length > 1 ? ` · ${letterOf(index)}` : ''),
                   })));
  if (all.length === 0) return null;
  const metrics = [...new Set(all.map(one => one.metric))];
  const metric = choice('links', metrics);
  const shown = all.filter(one => one.metric === metric);
  return section(
      'links', 'Links',
      metrics.length > 1 ? [selectOf(
                               'metric', metrics.map(name => [name, titleOf(name)]), metric,
                               choose('links'))] :
                           [],
      el('div', {class: 'cards'}, shown.map(heatMap)));
}
