// What charts are drawn with: words, lines, dots, and a legend.

export const FONT = "system-ui, sans-serif";

// Words at (x, y); a halo keeps them apart from lines that they cross.
export function label(context, text, x, y, { color, align = "left", bold = false, halo = null }) {
  Object.assign(context, {
    font: `${bold ? "700 " : ""}12px ${FONT}`,
    textAlign: align,
    textBaseline: "middle",
    fillStyle: color,
  });
  if (halo) {
    Object.assign(context, { strokeStyle: halo, lineWidth: 4, lineJoin: "round" });
    context.strokeText(text, x, y);
  }
  context.fillText(text, x, y);
}

export function curve(context, points, color, { dash = [], lineWidth = 2 } = {}) {
  context.save();
  Object.assign(context, { strokeStyle: color, lineWidth, lineJoin: "round" });
  context.setLineDash(dash);
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y); // the first begins the path
  context.stroke();
  context.restore();
}

export function dot(context, [x, y], radius, color, { paper }) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  Object.assign(context, { fillStyle: color, strokeStyle: paper, lineWidth: 1.5 });
  context.fill();
  context.stroke();
}

// What stands around the curves in a box: lines across at `levels`, words below at `ticks`, each [where, text], and a
// caption.
export function axes(context, { left, right, bottom }, { levels, ticks, caption, gap = 9 }, { quiet, rule, edge }) {
  const across = (y, color) =>
    curve(
      context,
      [
        [left, y],
        [right, y],
      ],
      color,
      { lineWidth: 1 },
    );
  for (const [y, text] of levels) {
    if (y < bottom) across(y, rule);
    label(context, text, left - gap, y, { color: quiet, align: "right" });
  }
  across(bottom, edge);
  for (const [x, text] of ticks) label(context, text, x, bottom + 12, { color: quiet, align: "center" });
  label(context, caption, (left + right) / 2, bottom + 27, { color: quiet, align: "center" });
}

// The legend's entries in one row: a piece of line, then its words.
export function legend(context, entries, y, { ink }) {
  let x = 0;
  for (const { text, color, dash } of entries) {
    curve(
      context,
      [
        [x, y],
        [x + 22, y],
      ],
      color,
      { dash },
    );
    label(context, text, x + 27, y, { color: ink });
    x += 27 + context.measureText(text).width + 14;
  }
}
