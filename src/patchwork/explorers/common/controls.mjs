// Native controls, each with its label.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

// A part of the page under its title.
export function panel(id, name, ...children) {
  const title = element("p", { class: "pw-title", id: `${id}-${name}` });
  const attributes = { class: `pw-panel pw-${name}`, role: "group", "aria-labelledby": title.id };
  return { title, node: element("div", attributes, title, ...children) };
}

export const labelled = (text, control) => element("label", { class: "pw-label" }, element("span", {}, text), control);

// A choice among [value, text] pairs. show(pairs, value) refills it only where it differs, so an open list stays open.
export function choice(label, choose) {
  const select = element("select", { onchange: () => choose(select.value) });
  let shown = "";
  const show = (pairs, value) => {
    const key = JSON.stringify(pairs);
    if (key !== shown) select.replaceChildren(...pairs.map(([each, text]) => element("option", { value: each }, text)));
    shown = key;
    select.value = String(value);
  };
  return { node: labelled(label, select), show };
}

// A box to tick; show(value, why) gives the reason where it can't be.
export function toggle(label, change) {
  const box = element("input", { type: "checkbox", onchange: () => change(box.checked) });
  const words = element("span", {}, label);
  const show = (value, impossible = "") => {
    Object.assign(box, { checked: value, disabled: impossible !== "" });
    words.textContent = impossible ? `${label} (${impossible})` : label;
  };
  return { node: element("label", { class: "pw-toggle" }, box, words), show };
}

export const button = (text, press) => element("button", { type: "button", class: "pw-button", onclick: press }, text);

// A file of the reader's own. The native input stays in the page (focusable, labelled); its label looks like a button.
export function filePicker(label, accept, pick) {
  const input = element("input", {
    type: "file",
    accept,
    onchange: async () => {
      const [file] = input.files;
      if (file) await pick(file);
      input.value = "";
    },
  });
  return element("label", { class: "pw-button pw-file" }, label, input);
}

// A canvas as a slider: a place from 0 to `most`, and what it says aloud.
export function slider(label, help) {
  return element("canvas", {
    tabindex: 0,
    role: "slider",
    "aria-label": label,
    "aria-valuemin": 0,
    "aria-describedby": help,
  });
}

export function tell(canvas, now, most, text) {
  canvas.setAttribute("aria-valuemax", most);
  canvas.setAttribute("aria-valuenow", now);
  canvas.setAttribute("aria-valuetext", text);
}

export const clamped = (value, most) => Math.min(Math.max(value, 0), most);

// A slider of whole numbers with its value beside its label; showRange(it, number, what it says aloud, what stands
// there).
export function range(label, [least, most], input, id) {
  const control = element("input", {
      type: "range",
      min: least,
      max: most,
      id,
      oninput: () => input(Number(control.value)),
    }),
    value = element("b");
  return {
    control,
    value,
    node: element("div", { class: "pw-range" }, element("label", { for: id }, label), value, control),
  };
}

export function showRange({ control, value }, number, told, text = String(number)) {
  control.value = number;
  setText(value, text);
  control.setAttribute("aria-valuetext", told);
}

// Text that changes only where it differs, so that nothing is read aloud twice.
export const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};
