// From degrees to a plane in km, north up: an equirectangular projection around the city's middle, true enough for a city.
const EARTH = 6371.0088;
const RADIANS = Math.PI / 180;

export function projection(places) {
  const lats = places.map((place) => place.lat);
  const lons = places.map((place) => place.lon);
  const middle = { lat: (Math.min(...lats) + Math.max(...lats)) / 2, lon: (Math.min(...lons) + Math.max(...lons)) / 2 };
  const narrow = Math.cos(middle.lat * RADIANS);
  const plane = ({ lat, lon }) => ({ x: EARTH * (lon - middle.lon) * RADIANS * narrow, y: -EARTH * (lat - middle.lat) * RADIANS });
  const corners = places.map(plane);
  const span = (axis) => Math.max(...corners.map((corner) => Math.abs(corner[axis]))) * 2;
  return { plane, width: Math.max(span("x"), 0.5), height: Math.max(span("y"), 0.5) };
}
