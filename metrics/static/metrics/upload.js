// Shows what was chosen, takes dropped files, and keeps an impatient second click from sending twice.
// The pages work without it.
"use strict";

(() => {
  const size = (bytes) => {
    if (bytes < 1024) return `${bytes} B`;
    if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(0)} kB`;
    return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  };

  for (const form of document.querySelectorAll("[data-upload-form]")) {
    const input = form.querySelector("input[type=file]");
    const drop = form.querySelector("[data-upload-drop]");
    const chosen = form.querySelector("[data-upload-chosen]");
    const status = form.querySelector("[data-upload-status]");
    const button = form.querySelector("[data-upload-submit]");
    const most = Number(form.dataset.maxMegabytes) * 1024 * 1024;

    const show = () => {
      const files = [...input.files];
      const total = files.reduce((sum, file) => sum + file.size, 0);
      chosen.replaceChildren(
        ...files.map((file) => {
          const item = document.createElement("li");
          const amount = document.createElement("span");
          amount.textContent = size(file.size);
          item.append(file.name, amount);
          return item;
        }),
      );
      const tooLarge = total > most;
      button.disabled = tooLarge;
      status.textContent = tooLarge ? `Together ${size(total)}: more than ${form.dataset.maxMegabytes} MB.` : "";
    };

    input.addEventListener("change", show);
    for (const name of ["dragenter", "dragover"]) {
      drop.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.add("upload-over");
      });
    }
    for (const name of ["dragleave", "drop"]) {
      drop.addEventListener(name, () => drop.classList.remove("upload-over"));
    }
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      if (!event.dataTransfer.files.length) return;
      input.files = event.dataTransfer.files;
      show();
    });
    form.addEventListener("submit", () => {
      button.disabled = true;
      status.textContent = "Uploading and reading…";
    });
    show();
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
