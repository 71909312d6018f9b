// Gives modules addresses, by name: those of Blobs, for a page from disk loads no other module, nor does a widget.
// oxlint-disable-next-line no-unused-vars -- what follows this file in a page or a widget calls it
function moduleLinker(sources) {
  const addresses = new Map();
  function addressOf(name) {
    if (!(name in sources)) throw new Error(`there is no module ${name}`);
    if (!addresses.has(name)) {
      const linked = sources[name].replace(/"patchwork:([^"]+)"/g, (_, other) => `"${addressOf(other)}"`);
      addresses.set(name, URL.createObjectURL(new Blob([linked], { type: "text/javascript" })));
    }
    return addresses.get(name);
  }
  return addressOf;
}
