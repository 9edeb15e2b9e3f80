// Making and finding elements.
const SVG = "http://www.w3.org/2000/svg";

export const find = (id) => document.getElementById(id);

// An HTML element with attributes and children; texts among the children become text, never markup.
export function html(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Puts children in place of those that an element has.
export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

// Puts new content in place of old without taking the focus away from whoever stands in it: the element with the same `data-focus`
// has it afterwards.
export function refill(element, ...children) {
  const held = element.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  fill(element, ...children);
  if (held !== undefined) element.querySelector(`[data-focus="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
}

// Says something to those who hear the page.
export function say(text) {
  find("say").textContent = text;
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
