// Words and numbers that several explorers say alike.

export const grouped = (number) => number.toLocaleString("en-US").replaceAll(",", "\u202f");
export const plural = (number, one, more = `${one}s`) => `${grouped(number)} ${number === 1 ? one : more}`;
export const placeText = (place, [, columns]) => `row ${Math.floor(place / columns)}, column ${place % columns}`;
