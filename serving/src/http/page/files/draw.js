// Shapes of the map in pixels: the stretch of a road that belongs to each of its sensors.
//
// A road is a line through its sensors. Each sensor has it from half way to the one before until half way to the next: what it
// measures is drawn there, and nothing between two sensors is made up.
const APART = 4.5; // pixels between a road's middle and each of its directions

// For each sensor of a road its stretch as a path, and where the sensor is drawn.
export function stretches(points, ring, side) {
  const line = side === 0 ? points : shifted(points, ring, side * APART);
  const before = (at) => line[at - 1] ?? (ring ? line.at(-1) : null);
  const after = (at) => line[at + 1] ?? (ring ? line[0] : null);
  // How the line leaves each sensor: in the direction from the one before to the one after, so that it bends instead of breaking.
  const leaving = line.map((point, at) => {
    const [a, b] = [before(at), after(at)];
    if (!a || !b) return { x: 0, y: 0 };
    const reach = Math.min(gap(a, point), gap(point, b)) / (3 * Math.max(1e-6, gap(a, b)));
    return { x: (b.x - a.x) * reach, y: (b.y - a.y) * reach };
  });
  const bend = (from, to) => [line[from], plus(line[from], leaving[from], 1), plus(line[to], leaving[to], -1), line[to]];
  return line.map((point, at) => {
    const comes = before(at) ? second(bend((at + line.length - 1) % line.length, at)) : `M${spot(point)}`;
    const goes = after(at) ? first(bend(at, (at + 1) % line.length)) : "";
    return { path: comes + goes, ...point };
  });
}

const gap = (a, b) => Math.hypot(b.x - a.x, b.y - a.y);
const plus = (point, by, times) => ({ x: point.x + times * by.x, y: point.y + times * by.y });
const mix = (...parts) => ({
  x: parts.reduce((sum, [share, point]) => sum + share * point.x, 0),
  y: parts.reduce((sum, [share, point]) => sum + share * point.y, 0),
});
const spot = ({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`;

// The halves of a cubic curve (P. de Casteljau's construction at its middle).
const middle = ([a, b, c, d]) => mix([1 / 8, a], [3 / 8, b], [3 / 8, c], [1 / 8, d]);
const first = ([a, b, c, d]) => `C${spot(mix([1 / 2, a], [1 / 2, b]))} ${spot(mix([1 / 4, a], [1 / 2, b], [1 / 4, c]))} ${spot(middle([a, b, c, d]))}`;
const second = ([a, b, c, d]) =>
  `M${spot(middle([a, b, c, d]))}C${spot(mix([1 / 4, b], [1 / 2, c], [1 / 4, d]))} ${spot(mix([1 / 2, c], [1 / 2, d]))} ${spot(d)}`;

export const path = (points) => points.map((point, at) => `${at ? "L" : "M"}${spot(point)}`).join("");

// The line moved to one side, each corner along the middle of its two directions.
function shifted(points, ring, by) {
  return points.map((point, at) => {
    const before = points[at - 1] ?? (ring ? points.at(-1) : null);
    const after = points[at + 1] ?? (ring ? points[0] : null);
    const normals = [before && normal(before, point), after && normal(point, after)].filter(Boolean);
    const sum = normals.reduce((total, one) => ({ x: total.x + one.x, y: total.y + one.y }), { x: 0, y: 0 });
    const length = Math.hypot(sum.x, sum.y);
    if (length < 0.2) return point; // the road turns back on itself
    // Sharp corners would reach far out: they are cut at twice the distance.
    const reach = Math.min(2, normals.length / length);
    return { x: point.x + (sum.x / length) * by * reach, y: point.y + (sum.y / length) * by * reach };
  });
}

// The unit vector to the left of the way from a to b; none where they are the same.
function normal(a, b) {
  const length = Math.hypot(b.x - a.x, b.y - a.y);
  return length < 1e-6 ? null : { x: (b.y - a.y) / length, y: -(b.x - a.x) / length };
}
