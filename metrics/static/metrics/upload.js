// Shows what was chosen, takes dropped files and folders, and keeps an impatient second click from sending
// twice. The pages work without it.
"use strict";

(() => {
  const SHOWN = 50;
  const size = (bytes) => {
    if (bytes < 1024) return `${bytes} B`;
    if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(0)} kB`;
    return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  };
  // What systems leave in folders unasked.
  const isHidden = (path) => path.split("/").some((part) => part.startsWith(".") || ["__MACOSX", "Thumbs.db", "desktop.ini", "_SUCCESS", "_committed", "_started"].includes(part));

  const filesOf = async (entry, path = "") => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
      return [{ path: path + file.name, file }];
    }
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
      if (!some.length) return found;
      for (const inner of some) found.push(...(await filesOf(inner, `${path}${entry.name}/`)));
    }
  };

  for (const form of document.querySelectorAll("[data-upload-form]")) {
    const input = form.querySelector("input[type=file]");
    const drop = form.querySelector("[data-upload-drop]");
    const chosen = form.querySelector("[data-upload-chosen]");
    const status = form.querySelector("[data-upload-status]");
    const button = form.querySelector("[data-upload-submit]");
    const folder = form.querySelector("[data-upload-folder]");
    const most = Number(form.dataset.maxMegabytes) * 1024 * 1024;
    let files = [];

    const show = () => {
      const total = files.reduce((sum, { file }) => sum + file.size, 0);
      const items = files.slice(0, SHOWN).map(({ path, file }) => {
        const item = document.createElement("li");
        const amount = document.createElement("span");
        amount.textContent = size(file.size);
        item.append(path, amount);
        return item;
      });
      if (files.length > SHOWN) {
        const rest = document.createElement("li");
        rest.textContent = `and ${files.length - SHOWN} more, ${size(total)} together`;
        items.push(rest);
      }
      chosen.replaceChildren(...items);
      const tooLarge = total > most;
      button.disabled = tooLarge;
      status.textContent = tooLarge ? `Together ${size(total)}: more than ${form.dataset.maxMegabytes} MB.` : "";
    };
    const choose = (some) => {
      files = some.filter(({ path }) => !isHidden(path));
      show();
    };
    form.chosenFiles = () => files;

    // Heard before the theme does: it would write the file's name into the form's first text field.
    drop.addEventListener("change", (event) => {
      event.stopImmediatePropagation();
      choose([...event.target.files].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
    }, true);
    if (folder && "webkitdirectory" in input) {
      const hidden = document.createElement("input");
      Object.assign(hidden, { type: "file", webkitdirectory: true, multiple: true, hidden: true });
      folder.append(hidden);
      folder.querySelector("button").addEventListener("click", () => hidden.click());
      folder.hidden = false;
    }
    for (const name of ["dragenter", "dragover"]) {
      drop.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.add("upload-over");
      });
    }
    for (const name of ["dragleave", "drop"]) {
      drop.addEventListener(name, () => drop.classList.remove("upload-over"));
    }
    drop.addEventListener("drop", async (event) => {
      event.preventDefault();
      const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
      const dropped = [...event.dataTransfer.files].map((file) => ({ path: file.name, file }));
      if (!entries.length && !dropped.length) return;
      // Read at once: what was dropped is gone when this turn of the loop is over.
      choose(entries.length ? (await Promise.all(entries.map((entry) => filesOf(entry)))).flat() : dropped);
    });
    choose([...input.files].map((file) => ({ path: file.name, file })));
  }

  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", () => {
      const button = form.querySelector("button");
      button.disabled = true;
      button.textContent = "Taking in…";
    });
  }

  // Back from the next page, the browser may show this one as it was left: with its button off.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });
})();
