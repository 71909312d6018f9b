// Words and numbers that several explorers say alike. A narrow space, U+202F, stands between thousands and before %.

export const minus = (text) => text.replace("-", "−");
export const fixed = (number, digits = 2) => (number === null ? "–" : minus(number.toFixed(digits)));
export const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}\u202f%`;
export const grouped = (number) => number.toLocaleString("en-US").replaceAll(",", "\u202f");
export const plural = (number, one, more = `${one}s`) => `${grouped(number)} ${number === 1 ? one : more}`;
export const capital = (text) => text[0].toUpperCase() + text.slice(1);
export const listed = (items) =>
  items.length > 1 ? `${items.slice(0, -1).join(", ")} and ${items.at(-1)}` : String(items[0]);
export const placeText = (place, [, columns]) => `row ${Math.floor(place / columns)}, column ${place % columns}`;

// A sentence that is written over several lines.
export const text = (parts, ...values) =>
  String.raw({ raw: parts.map((part) => part.replace(/\n\s*/g, " ")) }, ...values);
