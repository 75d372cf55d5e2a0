// Loads the panels of a page side by side, and applies its controls at once: the page is asked for again in the
// background, what is shown stays until the new is there, and the address can be sent as a link.
"use strict";

(() => {
  const AT_ONCE = 4;
  const PIECE = "X-Dashboard-Piece";
  let waiting = [];
  let running = 0;
  let leaving = new AbortController();

  // --- Pieces of the page --------------------------------------------------------------------------

  const failed = (piece, text) => {
    const box = document.createElement("div");
    box.className = "dash-failed";
    box.setAttribute("role", "alert");
    const sentence = document.createElement("p");
    sentence.textContent = text;
    const again = document.createElement("button");
    again.type = "button";
    again.className = "portal-button portal-button-plain";
    again.textContent = "Try again";
    again.addEventListener("click", () => {
      piece.setAttribute("aria-busy", "true");
      waiting.push(piece);
      next();
    });
    box.append(sentence, again);
    DashboardCharts.forget(piece);
    piece.replaceChildren(box);
  };

  const opened = (piece) => [...piece.querySelectorAll("details[open] > summary")].map((summary) => summary.textContent);

  const show = (piece, html) => {
    const open = opened(piece);
    DashboardCharts.forget(piece);
    piece.innerHTML = html;
    piece.querySelectorAll("details > summary").forEach((summary) => {
      summary.parentElement.open = open.includes(summary.textContent);
    });
    ready(piece);
  };

  const ready = (place) => {
    DashboardCharts.drawIn(place);
    place.querySelectorAll("[data-png]").forEach((button) => {
      button.hidden = false;
    });
  };

  const load = async (piece) => {
    const { signal } = leaving;
    try {
      const answer = await fetch(piece.dataset.piece, { headers: { [PIECE]: "1" }, signal });
      const html = await answer.text();
      if (signal.aborted) return;
      if (answer.ok && answer.headers.has(PIECE)) show(piece, html);
      else if (answer.redirected) failed(piece, "You are no longer logged in. Load the page again.");
      else failed(piece, `The ${piece.dataset.pieceName} could not be made.`);
    } catch (error) {
      if (error.name === "AbortError") return;
      failed(piece, `The ${piece.dataset.pieceName} could not be loaded.`);
      if (!(error instanceof TypeError)) console.error(error);
    }
    piece.classList.remove("dash-stale");
    piece.setAttribute("aria-busy", "false");
  };

  const next = () => {
    while (running < AT_ONCE && waiting.length) {
      running += 1;
      load(waiting.shift()).finally(() => {
        running -= 1;
        next();
      });
    }
  };

  const loadAll = () => {
    waiting = [...document.querySelectorAll("#dashboard [data-piece]")];
    next();
  };

  // --- Controls ------------------------------------------------------------------------------------

  const isYear = (value) => !value || Number(value.slice(0, 4)) > 2000;

  const addressOf = (form) => {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      const usual = form.elements[name]?.dataset?.usual;
      if (value !== "" && value !== usual) query.set(name, value);
    }
    if (query.has("from") || query.has("to")) query.delete("period");
    const text = query.toString();
    return `${window.location.pathname}${text ? `?${text}` : ""}`;
  };

  const changed = (event) => {
    const form = event.target.form;
    if (!form?.matches("[data-controls]")) return;
    const { name } = event.target;
    const fields = form.elements;
    if ((name === "from" || name === "to") && !isYear(event.target.value)) return;
    if (name === "scope" && fields.team) fields.team.value = "";
    if (name === "period" && fields.from) fields.from.value = fields.to.value = "";
    go(addressOf(form), true);
  };

  // What is shown of a panel stays, dimmed, until its new piece is there: nothing jumps.
  const keepShown = (old, fresh) => {
    const pieces = (place) => new Map([...place.querySelectorAll("[data-piece]")].map((piece) => [piece.closest("[id]").id, piece]));
    const before = pieces(old);
    for (const [key, piece] of pieces(fresh)) {
      const shown = before.get(key);
      if (!shown || shown.querySelector(".dash-skeleton, .dash-failed")) continue;
      piece.replaceChildren(...shown.childNodes);
      piece.classList.add("dash-stale");
    }
  };

  const go = async (address, isNew) => {
    leaving.abort();
    leaving = new AbortController();
    const { signal } = leaving;
    const old = document.getElementById("dashboard");
    old.classList.add("dash-busy");
    try {
      const answer = await fetch(address, { signal });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("dashboard");
      if (!answer.ok || !fresh) {
        window.location.assign(address);
        return;
      }
      const focused = document.activeElement?.id;
      if (isNew) window.history.pushState(null, "", answer.url);
      document.adoptNode(fresh);
      keepShown(old, fresh);
      old.replaceWith(fresh);
      DashboardCharts.forget(old);
      if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
      carryOver();
      loadAll();
    } catch (error) {
      if (error.name !== "AbortError") window.location.assign(address);
    }
  };

  // --- Links ---------------------------------------------------------------------------------------

  // The other pages of the sidebar keep the scope and the days that were chosen on this one.
  const carryOver = () => {
    const { shared } = document.getElementById("dashboard").dataset;
    document.querySelectorAll("#nav-sidebar-apps a[href]").forEach((link) => {
      if (/\/usage\/[\w-]+\/$/.test(link.pathname)) link.search = shared;
    });
  };

  const followed = (event) => {
    const link = event.target.closest?.("#dashboard a[href]");
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || event.defaultPrevented || link.hasAttribute("download") || link.hash) return;
    if (link.origin !== window.location.origin || link.pathname !== window.location.pathname) return;
    event.preventDefault();
    go(link.href, true);
  };

  const save = (button) => {
    const place = button.closest(".dash-piece");
    DashboardCharts.picture(place).toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${button.dataset.png}.png`;
      link.click();
      window.setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    }, "image/png");
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-png]");
    if (button) save(button);
    else followed(event);
  });

  document.querySelectorAll("[data-loaded]").forEach(ready);
  if (document.getElementById("dashboard")) {
    document.addEventListener("change", changed);
    document.addEventListener("submit", (event) => {
      if (!event.target.matches("[data-controls]")) return;
      event.preventDefault();
      go(addressOf(event.target), true);
    });
    window.addEventListener("popstate", () => go(window.location.href, false));
    carryOver();
    loadAll();
  }
})();
