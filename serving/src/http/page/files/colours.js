// How congested is how coloured: five classes, drawn wider as they get worse, so that colour is not the only sign.
export const CLASSES = [0.2, 0.4, 0.6, 0.8, 1].map((below, at) => ({ from: at / 5, to: below, name: `c${at}` }));
export const NONE = "c-none";

// The class of a congestion from 0 to 1; its own where there is no number.
export function colour(congestion) {
  if (congestion === null || congestion === undefined) return NONE;
  return CLASSES[Math.min(CLASSES.length - 1, Math.floor(congestion * CLASSES.length))].name;
}
