// The model that a host gives a widget. JupyterLab's has a kernel behind it; where there is none, parts may be missing.

export function hasKernel(model) {
  try {
    return Boolean(model.widget_manager);
  } catch {
    return false; // MyST's throws
  }
}

// A model on which save_changes and off can be called. Without a kernel there is nothing to save, and MyST's model
// throws where it should do nothing. With one, what goes wrong is an error like any other. load(part) brings what lies
// beside a page, where the host is one that has it.
export function usableModel(model) {
  if (hasKernel(model)) return model;
  const attempt =
    (name) =>
    (...details) => {
      try {
        model[name]?.(...details);
      } catch {} // not implemented by this host
    };
  return {
    get: (name) => model.get(name),
    set: (name, value) => model.set(name, value),
    on: (name, listener) => model.on(name, listener),
    off: attempt("off"),
    save_changes: attempt("save_changes"),
    load: async (part) => model.load(part),
  };
}
