// Asks how far the work is, and shows the next page when it is over.
"use strict";

(() => {
  const EVERY_MS = 1500;
  const panel = document.querySelector("[data-progress-url]");
  const bar = panel.querySelector("[data-progress-bar]");
  const text = panel.querySelector("[data-progress-text]");

  const ask = async () => {
    try {
      const response = await fetch(panel.dataset.progressUrl, { headers: { Accept: "application/json" } });
      const job = await response.json();
      if (!job.is_live) {
        window.location.reload();
        return;
      }
      if (job.percent !== null) bar.value = job.percent;
      if (text.textContent.trim() !== job.text) text.textContent = job.text;
      for (const [name, value] of Object.entries(job.counts ?? {})) {
        const place = panel.querySelector(`[data-count="${name}"]`);
        if (place) place.textContent = value || "–";
      }
    } catch {
      // The server restarts, or the network is away: ask again.
    }
    window.setTimeout(ask, EVERY_MS);
  };

  window.setTimeout(ask, EVERY_MS);
})();
